"""What a file may contain, value by value."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import Overflow, OverflowAction
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.provisioning import values
from esl_huntgroup.provisioning.schemas import FILE


@pytest.mark.parametrize(
    ("check", "text", "value"),
    [
        (values.user_name, "anna", "anna"),
        (values.user_name, "Ju\u0308rgen.o-neil+x@firm", "Jürgen.o-neil+x@firm"),
        (values.user_name, " 4711 ", "4711"),
        (values.display_name, "Anna Berg", "Anna Berg"),
        (values.display_name, "山田 太郎", "山田 太郎"),
        (values.group_name, "Vertrieb Süd / 2. OG", "Vertrieb Süd / 2. OG"),
        (values.ring_timeout_s, "5", 5),
        (values.ring_timeout_s, "300", 300),
        (values.transfer_target, "9000", "9000 XML default"),
        (values.transfer_target, " *97   XML  from-pstn ", "*97 XML from-pstn"),
        (values.sip_status, "486", "486"),
    ],
)
def test_a_value_is_brought_into_its_normal_form(check: Callable[[str], object], text: str, value: object) -> None:
    assert check(text) == value


@pytest.mark.parametrize(
    ("check", "text", "sentence"),
    [
        (
            values.user_name,
            "anna berg",
            "'anna berg' is not the name of a user: one word of letters, digits and '.', '_', '-', '+', '@' is "
            "accepted, at most 64 characters",
        ),
        (
            values.display_name,
            "a\x1bb",
            "'a\\x1bb' is not a name: 1 to 128 printable characters are accepted",
        ),
        (values.group_name, "  ", "'  ' is not a name: 1 to 128 printable characters are accepted"),
        (values.line_kind, "fax", "'fax' is not a kind of line: softphone, hardphone are accepted"),
        (
            values.hunt_mode,
            "parallel",
            "'parallel' is not a hunt mode: disabled and those of the setting hunt_modes are accepted",
        ),
        (
            values.ring_timeout_s,
            "30s",
            "'30s' is not a ring limit: whole seconds from 5 to 300 are accepted",
        ),
        (
            values.transfer_target,
            "9000 inline",
            "'9000 inline' is not a transfer target: 'EXTENSION' or 'EXTENSION XML CONTEXT' is accepted",
        ),
        (
            values.sip_status,
            "200",
            "'200' is not a SIP status to refuse a call with: 400 to 699 is accepted",
        ),
    ],
)
def test_a_bad_value_is_refused_with_one_sentence(check: Callable[[str], object], text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        check(text)
    assert str(refused.value) == sentence


@given(st.text(max_size=30))
def test_no_transfer_target_is_more_than_three_plain_words(text: str) -> None:
    try:
        extension, dialplan, context = values.transfer_target(text).split(" ")
    except InputError:
        return
    assert dialplan == "XML"
    assert not set(extension + context) & set(" \t\r\n'\"\\,;|&$(){}[]<>:")


@pytest.mark.parametrize(
    "text", ["9000;bridge", "9000,x", "a:b", "'9000'", "9000 XML default x", "900\n0 XML x", "", "9 xml x"]
)
def test_a_transfer_target_with_more_in_it_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a transfer target"):
        values.transfer_target(text)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("dialplan", Overflow(OverflowAction.DIALPLAN)),
        ({"transfer": "9000"}, Overflow(OverflowAction.TRANSFER, "9000 XML default")),
        ({"respond": "486"}, Overflow(OverflowAction.RESPOND, "486")),
    ],
)
def test_an_overflow_is_one_of_three(value: object, where: Overflow) -> None:
    assert values.overflow(value) == where


@pytest.mark.parametrize(
    "value", ["voicemail", {}, {"transfer": ["9"]}, {"transfer": "1", "respond": "486"}, ["x"], {"x": "1"}]
)
def test_anything_else_is_no_overflow(value: object) -> None:
    with pytest.raises(InputError, match="is not an overflow: 'dialplan', 'transfer: EXTENSION' or 'respond: STATUS'"):
        values.overflow(value)


def test_a_file_comes_out_in_normal_form_with_only_the_keys_it_has() -> None:
    loaded = FILE.load(
        {
            "users": [{"name": "anna", "lines": ["1 01", {"number": "201", "kind": "hardphone", "domain": "PBX."}]}],
            "groups": [{"name": "Vertrieb", "members": ["anna"], "overflow": {"all_busy": {"respond": "486"}}}],
        }
    )
    assert loaded == {
        "services": [],
        "users": [
            {"name": "anna", "lines": [{"number": "101"}, {"number": "201", "kind": "hardphone", "domain": "pbx"}]}
        ],
        "groups": [
            {
                "name": "Vertrieb",
                "members": ["anna"],
                "overflow": {Outcome.ALL_BUSY: Overflow(OverflowAction.RESPOND, "486")},
            }
        ],
    }


def test_an_empty_mapping_is_a_file_without_users_and_groups() -> None:
    assert FILE.load({}) == {"services": [], "users": [], "groups": []}


KEYS = ["users", "groups", "name", "lines", "number", "members", "overflow", "no_answer", "transfer", "hunt_mode"]
KEYS += ["services", "levels", "leader", "deputy", "favourites", "monitor", "remove", "is_active", "user", "level"]


@given(st.recursive(st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner)))
def test_whatever_stands_in_a_file_is_accepted_or_refused(value: Any) -> None:
    with contextlib.suppress(ValidationError):
        FILE.load(value)
