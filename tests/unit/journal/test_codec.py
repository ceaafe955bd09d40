"""A journal record on one line: nothing is lost on the way, and nobody trips over a line that is none."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.journal.codec import from_line, is_well_formed, readable, to_line
from esl_huntgroup.journal.records import (
    CallAnswered,
    CallEnded,
    CallMoved,
    CallOpened,
    CallRinging,
    EntryRecord,
    LegRecord,
    OutgoingCall,
    SpoolRecord,
)
from esl_huntgroup.model.outcome import EntryKind, Outcome

ANY_TEXT = st.text(st.characters(codec=None), max_size=50)
NUMBER = st.integers(-(2**63), 2**63 - 1)
LEG = st.builds(LegRecord, NUMBER, NUMBER, ANY_TEXT, ANY_TEXT, ANY_TEXT, st.booleans())
ENTRY = st.builds(EntryRecord, NUMBER, NUMBER, ANY_TEXT, st.sampled_from(EntryKind), st.booleans(), ANY_TEXT)
LEGS, ENTRIES = st.lists(LEG, max_size=3).map(tuple), st.lists(ENTRY, max_size=3).map(tuple)
RECORDS: st.SearchStrategy[SpoolRecord] = st.one_of(
    st.builds(CallOpened, ANY_TEXT, ANY_TEXT, ANY_TEXT, NUMBER, *[ANY_TEXT] * 5, NUMBER, ANY_TEXT),
    st.builds(CallRinging, ANY_TEXT, st.lists(NUMBER, max_size=9).map(tuple)),
    st.builds(CallMoved, *[ANY_TEXT] * 4),
    st.builds(OutgoingCall, *[ANY_TEXT] * 4, NUMBER),
    st.builds(CallAnswered, ANY_TEXT, NUMBER, NUMBER, st.none() | NUMBER, ANY_TEXT, LEGS, ENTRIES),
    st.builds(CallEnded, ANY_TEXT, NUMBER, NUMBER, NUMBER, st.sampled_from(Outcome), ANY_TEXT, ANY_TEXT, LEGS, ENTRIES),
)
OPENED = CallOpened("id", "fs1", "leg-a", 7, "Vertrieb", "700", "example.org", "+49301234", "Zoë", 1_700_000_000_000)
ENDED = CallEnded(
    *("id", 2000, 1000, 0, Outcome.NO_ANSWER, "", ""),
    (LegRecord(1, 4, "101@example.org", "sofia/x", "NO_ANSWER", True),),
    (EntryRecord(1, 4, "Anna Berg", EntryKind.MISSED, True, "NO_ANSWER"),),
)


@given(RECORDS)
def test_any_record_survives_its_line(record: SpoolRecord) -> None:
    line = to_line(record)
    assert from_line(line) == record
    assert is_well_formed(from_line(line))
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_value_error_and_can_be_shown(line: bytes) -> None:
    with contextlib.suppress(ValueError):
        from_line(line)
    assert json.dumps(readable(line)).isascii()


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{}", b"[]", b"null", b"1", b'"x"', b"\xff", b"[" * 100_000, b'{"record":[]}', b'{"record":"Exit"}'),
        *(
            b'{"record":"CallOpened"}',
            b'[4,"Exit"]',
            b'[4,"CallOpened"]',
            b'[4,"CallEnded",1]',
            b'[4,["CallEnded"],1]',
            b'[4,"CallRinging","x",1]',
        ),
        to_line(OPENED).replace(b"[4,", b"[9,"),
        to_line(OPENED)[:40],
        to_line(ENDED).replace(b'"NO_ANSWER",true', b"true"),
    ],
)
def test_a_line_that_is_no_record_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a journal record"):
        from_line(line)


@pytest.mark.parametrize("version", [3, 5])
def test_a_line_of_another_version_says_which_is_known(version: int) -> None:
    with pytest.raises(ValueError, match=rf"^not a journal record: format {version} is not known, 4 is$"):
        from_line(b'[%d,"CallOpened"]' % version)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("call_id", 1),
        ("group_id", "7"),
        ("group_id", True),
        ("group_id", 2**63),
        ("arrived_at_ms", 1.5),
        ("caller_name", None),
        ("node", []),
    ],
)
def test_a_field_that_holds_something_else_is_not_well_formed(field: str, value: Any) -> None:
    assert not is_well_formed(from_line(to_line(dataclasses.replace(OPENED, **{field: value}))))


@pytest.mark.parametrize(("old", "new"), [(b'"missed"', b'"maybe"'), (b'"no_answer"', b"{}"), (b"true", b"1")])
def test_a_row_that_holds_something_else_is_not_well_formed(old: bytes, new: bytes) -> None:
    line = to_line(ENDED)
    assert old in line
    assert not is_well_formed(from_line(line.replace(old, new)))


def test_a_person_reads_every_field_with_its_name() -> None:
    assert readable(to_line(ENDED)) == {
        **{"record": "CallEnded", "call_id": "id", "ended_at_ms": 2000, "wait_ms": 1000, "talk_ms": 0},
        **{"outcome": "no_answer", "cause": "", "overflow": ""},
        "legs": [ENDED.legs[0]._asdict()],
        "entries": [ENDED.entries[0]._asdict()],
    }
    assert readable(b"torn \xff") == {"line": "torn \\xff"}
