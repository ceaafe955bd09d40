"""How the simulated switch reads dial strings: the table measured on a real one, and the limits in its source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.simulator.dialstring import MAX_PEERS, MAX_VARIABLES, DialLeg, DialStringError, parse


def common(text: str) -> dict[str, str]:
    return parse(text).named


def leg(text: str) -> dict[str, str]:
    return parse(text).legs[0].named


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{v='a,b'}x/1", {"v": "a,b"}),
        (r"{v=a\,b}x/1", {"v": "a,b"}),
        ("{^^:v=a,b:w=2}x/1", {"v": "a,b", "w": "2"}),
        ("{^^:v=a|b}x/1", {"v": "a|b"}),
        ("{v=a[b]c}x/1", {"v": "a[b]c"}),
        ("{v=<sip:x@y>}x/1", {"v": "<sip:x@y>"}),
        ("{v=o'brien}x/1", {"v": "o'brien"}),
        ("{v=o'brien,w=d'angelo}x/1", {"v": "obrien,w=dangelo"}),
        (r"{v=a\nb}x/1", {"v": "a\nb"}),
        (r"{v=a\r\nX-Injected: yes}x/1", {"v": "a\r\nX-Injected: yes"}),
        ("{v=}x/1", {}),
        ("{v=x=y=z}x/1", {"v": "x=y=z"}),
        ("{v=Müller}x/1", {"v": "Müller"}),
        ("{v=a\nb}x/1", {"v": "a\nb"}),
        ("{v=1}{w=2}x/1", {"v": "1", "w": "2"}),
        ("<u=0>{v=1}x/1", {"u": "0", "v": "1"}),
        ("{v=1,v=}x/1", {"v": "1"}),
        ("{v=1,v=''}x/1", {"v": "1"}),
        (r"{v=1,v=\s}x/1", {}),
        ("{v=1,v=2}x/1", {"v": "2"}),
    ],
)
def test_common_variables_are_read_as_measured(written: str, read: dict[str, str]) -> None:
    assert common(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[v='a,b']x/1", {"v": "a"}),
        (r"[v=a\,b]x/1", {"v": "a,b"}),
        ("[^^:v=a,b:w=2]x/1", {"v": "a,b", "w": "2"}),
        (r"[^^:v=a\|b]x/1", {"v": "a|b"}),
        ("[v=a[b]c]x/1", {"v": "a[b]c"}),
        ("[^^;v=it's ok;w=o'brien]x/1", {"v": "its ok", "w": "obrien"}),
        ("[v=1][w=2]x/1", {"v": "1", "w": "2"}),
    ],
)
def test_variables_of_a_leg_are_read_as_measured(written: str, read: dict[str, str]) -> None:
    assert leg(written) == read


@pytest.mark.parametrize("written", ["{v=a}b}x/1", "[v=a]c]x/1"])
def test_a_lone_closing_bracket_makes_the_endpoint_unknown(written: str) -> None:
    assert parse(written).legs[0].endpoint not in ("x", "")


@pytest.mark.parametrize("written", ["", "  ", "{v=1}", "{v=1", "[v=1", "[v=a|b]x/1", "a/1:_:b/2", "{a=1}{{b=2}x}y/1"])
def test_what_fails_as_a_whole_is_refused(written: str) -> None:
    with pytest.raises(DialStringError):
        parse(written)


def test_a_pipe_separates_alternatives_and_a_comma_parallel_legs() -> None:
    dial = parse("a/1,b/2|c/3")
    assert [[leg.endpoint for leg in legs] for legs in dial.alternatives] == [["a", "b"], ["c"]]


def test_a_backslash_before_the_closing_bracket_does_not_hide_it() -> None:
    dial = parse("{a=1}[b=2\\]x/1,[c=3]y/2")
    assert [leg.named for leg in dial.legs] == [{"b": "2\\"}, {"c": "3"}]


def test_a_backslash_at_the_very_end_is_read_behind_the_buffer() -> None:
    with pytest.raises(DialStringError, match="behind its buffer"):
        parse("a/1\\")


def test_the_128th_leg_takes_all_the_rest() -> None:
    legs = parse(",".join(f"a/{number}" for number in range(130))).legs
    assert len(legs) == MAX_PEERS
    assert legs[-1] == DialLeg((), "a", "127,a/128,a/129")


def test_of_the_variables_in_one_bracket_1024_count() -> None:
    pairs = ",".join(f"v{number}={number}" for number in range(1100))
    assert len(common(f"{{{pairs}}}x/1")) == MAX_VARIABLES


def test_originate_itself_takes_the_first_of_a_name_the_leg_gets_the_last() -> None:
    dial = parse("{originate_timeout=3,originate_timeout=5}x/1")
    assert (dial.parameter("originate_timeout"), dial.named["originate_timeout"]) == ("3", "5")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        dial = parse(text)
    except DialStringError:
        return
    assert len(dial.legs) <= MAX_PEERS


@given(st.lists(st.text("abcXYZ019 -.<>@:;/äß", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=20))
def test_plain_values_between_an_own_separator_arrive_as_they_are(values: list[str]) -> None:
    pairs = "~".join(f"v{number}={value}" for number, value in enumerate(values))
    dial = parse(f"{{^^~{pairs}}}[^^~{pairs}]x/1,[^^~{pairs}]y/2")
    wanted = {f"v{number}": value for number, value in enumerate(values)}
    assert [dial.named, *(each.named for each in dial.legs)] == [wanted] * 3
