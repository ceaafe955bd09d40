"""What decides about what is live: positions, who sees a call, and how events are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.live import audience, sse
from esl_huntgroup.web.live.audience import Facts, View
from esl_huntgroup.web.live.positions import CHARS_MAX, RANGES_MAX, Position, parse
from esl_huntgroup.web.live.stream import PER_USER_MAX, QUEUE_MAX_BYTES, Stream, Streams, TooMany, Viewer
from esl_huntgroup.web.reading.rows import Call, Entry, Handled, Row

ANNA, BERND, LEA, CARLA = 1, 2, 3, 4
GROUP = 7


# -- positions --------------------------------------------------------------------------------------------------------


@st.composite
def positions(draw: st.DrawFn) -> Position:
    edges = sorted(draw(st.sets(st.integers(0, 10_000), max_size=2 * RANGES_MAX)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return Position(draw(st.integers(10_001, 2**63 - 1)), tuple(pairs))


@given(positions())
def test_position_is_read_as_it_was_written(position: Position) -> None:
    text = str(position)
    assert len(text) <= CHARS_MAX
    assert parse(text) == position


@pytest.mark.parametrize(
    "text",
    ["", " 1", "-1", "1~", "1~2", "5~3-2", "9~1-2.2-3", "9~3.1", "1\n", "١", "9" * 20, "5~5", "1~0-", "1" * 2000, "x"],
)
def test_what_is_no_position(text: str) -> None:
    assert parse(text) is None


def test_position_has_what_was_seen() -> None:
    position = Position(10, ((3, 4), (8, 8)))
    assert [number for number in range(1, 13) if position.has(number)] == [1, 2, 5, 6, 7, 9, 10]
    assert (position.lowest, str(position)) == (2, "10~3-4.8")


def test_of_too_many_that_are_missing_none_is_lost() -> None:
    missing = tuple((2 * number, 2 * number) for number in range(5, 5 + RANGES_MAX + 1))
    assert str(Position(100, missing)) == "9"


# -- events -----------------------------------------------------------------------------------------------------------


@given(st.text())
def test_data_stays_data(text: str) -> None:
    lines = sse.event("call", text).decode("utf-8").split("\n")
    assert lines[0] == "event: call"
    assert lines[-1] == ""
    assert all(line.startswith("data: ") and "\r" not in line for line in lines[1:-1])


def test_the_last_event_has_the_position() -> None:
    told = b"".join(sse.batch([sse.event("call", "a"), sse.event("gone", "b")], Position(5)))
    assert told == b"event: call\ndata: a\n\nevent: gone\ndata: b\nid: 5\n\n"
    assert b"".join(sse.batch([], Position(5))) == b"id: 5\n\n"


# -- who sees what ----------------------------------------------------------------------------------------------------


def facts(
    *entries: Entry, outcome: Outcome | None = None, group_id: int | None = GROUP, by: int | None = None
) -> Facts:
    call = Call(
        call_id="c",
        arrived_at_ms=0,
        group_id=group_id,
        group_name="",
        group_number="",
        group_domain="",
        caller_name="",
        caller_number="",
        answered_at_ms=None,
        ended_at_ms=None,
        wait_ms=None,
        talk_ms=None,
        answered_by_user_id=by,
        answered_by_name="",
        outcome=outcome,
        cause="",
        overflow="",
    )
    return Facts(call, entries, members=frozenset({ANNA, BERND}), others=frozenset({CARLA}), is_shared=True)


def entry(user_id: int | None, kind: EntryKind = EntryKind.MISSED, handled: Handled | None = None) -> Entry:
    return Entry(user_id, f"user {user_id}", kind, True, "", handled)


def seen(found: Facts, user_id: int, *journals: int) -> View | None:
    return audience.view(found, Access(user_id, frozenset(journals)))


def test_a_call_that_rings_is_seen_by_those_who_will_have_an_entry() -> None:
    ringing = facts()
    assert seen(ringing, ANNA) == View(Row(ringing.call), is_own=True, is_shared=True)
    assert seen(ringing, CARLA) is None, "a member who cannot be rung"
    assert seen(ringing, 99) is None
    assert seen(ringing, LEA, GROUP) == View(Row(ringing.call, None, ()), is_own=False, is_shared=True)
    assert seen(ringing, LEA, 8) is None, "of another group"


def test_afterwards_those_see_it_who_have_one() -> None:
    theirs = entry(ANNA), entry(BERND)
    over = facts(*theirs, outcome=Outcome.CALLER_GONE)
    assert seen(over, ANNA) == View(Row(over.call, theirs[0]), is_own=True, is_shared=True)
    assert seen(over, LEA, GROUP) == View(Row(over.call, None, theirs), is_own=False, is_shared=True)
    assert seen(facts(entry(ANNA), outcome=Outcome.CALLER_GONE), BERND) is None
    assert seen(facts(outcome=Outcome.SERVICE_FAULT), ANNA) is None
    assert seen(facts(entry(None), group_id=None), LEA, GROUP) is None, "the group is gone"


def test_who_sees_the_same_is_sent_the_same() -> None:
    talking = facts(entry(ANNA, EntryKind.ANSWERED), entry(BERND), entry(CARLA), by=ANNA)
    views = {user_id: seen(talking, user_id) for user_id in (ANNA, BERND, CARLA)}
    keys = {user_id: audience.shared(view, user_id) for user_id, view in views.items() if view}
    assert keys[BERND] == keys[CARLA] != keys[ANNA]
    handled = facts(entry(ANNA, handled=Handled(1, "Bernd", "by_hand")), entry(BERND))
    one, other = seen(handled, ANNA), seen(handled, BERND)
    assert one is not None
    assert other is not None
    assert audience.shared(one, ANNA) != audience.shared(other, BERND)


def test_who_is_concerned() -> None:
    leaders = audience.leaders_of([Access(LEA, frozenset({GROUP})), Access(ANNA)])
    assert leaders == {GROUP: [LEA]}
    assert audience.concerned(facts(entry(9), entry(None)), leaders) == {ANNA, BERND, CARLA, LEA, 9}


# -- queues -----------------------------------------------------------------------------------------------------------


def stream(streams: Streams, user_id: int = ANNA) -> Stream:
    return Stream(streams, Viewer(user_id, "en", None), "page", None)


def test_a_slow_reader_is_ended_and_holds_nothing() -> None:
    slow = stream(Streams())
    for _ in range(QUEUE_MAX_BYTES // 1000):
        slow.put(b"x" * 1000)
    assert not slow.is_closed
    slow.put(b"x" * 1000)
    assert slow.is_closed
    assert slow.is_overrun
    slow.put(b"y")
    sent = list(slow)
    assert sent[0].startswith(b"retry: ")
    assert sent[1:] == []


def test_streams_are_limited_for_each_and_in_all() -> None:
    streams = Streams(streams_max=PER_USER_MAX + 1)
    theirs = [stream(streams) for _ in range(PER_USER_MAX)]
    for it in theirs:
        streams.admit(it)
    with pytest.raises(TooMany) as too_many:
        streams.admit(stream(streams))
    assert too_many.value.is_of_one
    streams.admit(stream(streams, BERND))
    with pytest.raises(TooMany) as too_many:
        streams.admit(stream(streams, LEA))
    assert not too_many.value.is_of_one
    theirs[0].close()
    streams.admit(stream(streams, LEA))


def test_who_is_ended_sends_what_waits() -> None:
    streams = Streams()
    ending = stream(streams)
    ending.put(b"event: call\n\n")
    ending.end()
    assert list(ending)[1:] == [b"event: call\n\n"]
    assert len(streams) == 0
