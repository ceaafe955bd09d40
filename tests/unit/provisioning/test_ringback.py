"""What a caller can be made to hear, and what is refused because nothing would be heard of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning.ringback import TONES, ringback


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ""),
        ("none", ""),
        (" %(1000,4000,425) ", "%(1000,4000,425)"),
        ("%(2000,4000,440.0,480.5)", "%(2000,4000,440.0,480.5)"),
        ("%(400,200,400,450);%(400,2000,400,450)", "%(400,200,400,450)%(400,2000,400,450)"),
        ("%(400,200,400)%(400,2000,400)", "%(400,200,400)%(400,2000,400)"),
        ("tone_stream://%(1000,4000,425)", "tone_stream://%(1000,4000,425)"),
        ("tone_stream://%(1000,4000,425);loops=-1", "tone_stream://%(1000,4000,425)"),
        ("us-ring", "%(2000,4000,440,480)"),
        ("${us-ring}", "%(2000,4000,440,480)"),
        ("$${de-ring}", "%(1000,4000,425)"),
        ("uk-ring", "%(400,200,400,450)%(400,2000,400,450)"),
        ("/usr/share/freeswitch/sounds/ring.wav", "/usr/share/freeswitch/sounds/ring.wav"),
        ("/sounds/8000/ring", "/sounds/8000/ring"),
        ("local_stream://moh/8000", "local_stream://moh/8000"),
        ("https://pbx.example.org:8443/ring.mp3", "https://pbx.example.org:8443/ring.mp3"),
        ("silence", "silence"),
        ("silence_stream://-1,1400", "silence_stream://-1,1400"),
    ],
)
def test_a_ringback_is_brought_into_the_form_that_the_switch_plays(written: str, kept: str) -> None:
    assert ringback(written) == kept
    assert ringback(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "%(1000,4000", "%(1000,4000)", "%(1000,4000,)", "%(0,4000,425)", "%(1000,4000,0)", "%(1000,4000,425",
        "%(1000,4000,425)x", "x%(1000,4000,425)", "(1000,4000,425)", "v=-7;%(100,0,941)", "%(a,b,c)",
        "xx-ring", "${evil}", "${global_setvar(a=b)}", "$us-ring", "us-ring;x=y", "None", "NONE", "a b", "ring",
        "us ring", "ring.wav", "sounds/ring.wav", "/../etc/x", "/a/../b.wav", "/a/", "//a", "/a b.wav", "/a;b=c", "/",
        "tone_stream://us-ring", "tone_stream://path=/etc/passwd", "tone_stream://%(1000,4000", "foo://bar",
        "file_string://a!b", "local_stream://", "/a\nb", "%(1000,4000,425)\nx",
        "%(1000,4000,425)" * 20, "/" + "a" * 300,
    ],
)  # fmt: skip
def test_what_is_neither_tone_nor_file_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a ringback: a tone such as '%\(1000,4000,425\)'") as refused:
        ringback(text)
    assert "\n" not in str(refused.value)


def test_the_sentence_names_everything_that_is_accepted() -> None:
    with pytest.raises(InputError) as refused:
        ringback("us ring")
    assert str(refused.value) == (
        "'us ring' is not a ringback: a tone such as '%(1000,4000,425)' (milliseconds on, off, frequencies), the name "
        "of one such as 'us-ring', a file such as '/sounds/ring.wav', 'local_stream://NAME', an address of https, "
        "http, http_cache or shout, 'silence' and 'none' are accepted, at most 255 characters without blanks"
    )


@pytest.mark.parametrize("name", TONES)
def test_every_tone_with_a_name_is_a_tone(name: str) -> None:
    assert ringback(name) == TONES[name] == ringback(TONES[name])


@given(st.text(alphabet="%(),;:/.${}'\"\\ \n~^=123abc-_", max_size=30))
def test_nothing_that_is_accepted_is_more_than_one_value_of_a_channel_variable(text: str) -> None:
    try:
        kept = ringback(text)
    except InputError:
        return
    assert not set(kept) & set(";'\"\\\n\r${}~^ ")
