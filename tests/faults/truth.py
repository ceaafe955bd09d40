"""
The check, one for every cell of the matrix, for the soak, and for the simulated switch as for the real one.

The caller was served, the conversation was ended by nobody but those who talked, and the journal has exactly one whole
set of rows, which says what the switch knows. What the switch knows is a ``Lived``; the journal's rows are a ``Call``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.journal import Call, assert_whole

SERVED_WITHIN_S = 30.0
"""The longest honest way: the watchdog's 8 s, or 5 s of ringing and 12 s more until the guard looks."""
CLOCK_S = 1.0
"""How far what the caller experienced may be from what is written of it: both sides of the switch look every 20 ms."""
EXCUSES = frozenset({"interrupted", "switch_gone", "service_fault"})


@dataclass(frozen=True, slots=True)
class Lived:
    """
    One call as the switch knows it. ``caller`` is a number that nobody else has.

    ``status`` is the final SIP status, 0 when the call never came to an end; ``fallback`` the huntgroup_result with
    which the dialplan's fallback was entered, None if it was not. ``plan`` is the outcome if nothing goes wrong,
    empty for a number that no group has; ``leg_causes`` what became of each phone, in order, None where the switch does
    not say. ``told_late_s`` is how long after the hang-up the switch told of it. ``is_heard`` is whether its own
    service or a second witness could hear of its end, ``was_cut`` whether a test broke its connection to the service;
    ``has_overflow`` whether the group sends such callers on by itself, ``is_spared`` whether nothing stood between the
    caller and the service, so that the dialplan had no reason to help, ``was_without_database`` whether the database
    could not be read for a time.
    """

    caller: str
    members: tuple[str, ...]
    status: int
    plan: str
    spoken_with: str = ""
    gave_up: bool = False
    fallback: str | None = None
    rang: bool = False
    waited_s: float = 0.0
    talked_s: float = 0.0
    told_late_s: float = 0.0
    planned_talk_s: float = 0.0
    leg_causes: tuple[str, ...] | None = None
    is_heard: bool = True
    was_cut: bool = False
    has_overflow: bool = False
    is_spared: bool = False
    was_without_database: bool = False

    @property
    def ended_well(self) -> bool:
        """Whether the call came to an end that somebody gave it."""
        return bool(self.status)


@dataclass(frozen=True, slots=True)
class Examined:
    """One call after the check."""

    lived: Lived
    problems: tuple[str, ...]
    has_rows: bool


def problems(lived: Lived, rows: Sequence[Call]) -> list[str]:
    """Return a sentence for everything that is wrong with one call, none when all is well."""
    return [f"{lived.caller}: {text}" for text in (*_served(lived), *_alive(lived), *_told(lived, rows))]


# -- the caller -----------------------------------------------------------------------------------------------------


def _served(lived: Lived) -> Iterator[str]:
    """Answered, given up by the caller, or sent on by somebody: never parked, never in dead air."""
    if not lived.ended_well:
        yield "is still waiting: neither answered nor sent on"
        return
    if lived.waited_s > SERVED_WITHIN_S:
        yield f"waited {lived.waited_s:.1f} s until anything became of the call"
    if lived.spoken_with or lived.gave_up:
        return
    if lived.fallback is None and not lived.has_overflow:
        yield f"was neither answered nor sent on, and ended with {lived.status}"
    if lived.fallback == "" and lived.is_spared:
        yield "was left to the dialplan's fallback, although a worker was there"
    if lived.fallback not in (None, "", lived.plan or "unknown_number") and not _could_not_be_found(lived):
        yield f"was sent on as {lived.fallback}, and it was {lived.plan or 'an unknown number'}"


def _alive(lived: Lived) -> Iterator[str]:
    """Nobody but caller and member ended the conversation."""
    if lived.spoken_with and lived.talked_s < lived.planned_talk_s - CLOCK_S / 4:
        yield f"talked {lived.talked_s:.2f} s instead of {lived.planned_talk_s:.2f} s: somebody else ended it"


# -- the rows -------------------------------------------------------------------------------------------------------


def _told(lived: Lived, rows: Sequence[Call]) -> Iterator[str]:
    """Exactly one whole set of rows; none only for a call that was no group call, or that the service never had."""
    if len(rows) > 1:
        yield f"has {len(rows)} sets of rows"
    elif not rows:
        if not _may_be_without_rows(lived):
            yield f"has no rows: {lived}"
    else:
        yield from _whole(lived, rows[0])
        yield from _true(lived, rows[0])


def _may_be_without_rows(lived: Lived) -> bool:
    """Return whether no group has the number, or no phone rang: the dialplan took it back, or the caller went."""
    if not lived.plan or _could_not_be_found(lived):
        return True
    return not lived.rang and (lived.fallback == "" or lived.gave_up)


def _could_not_be_found(lived: Lived) -> bool:
    """Return whether the database was away, and the service had no copy of the group: no row can name it then."""
    return lived.was_without_database and lived.fallback == "service_fault" and not lived.rang


def _whole(lived: Lived, row: Call) -> Iterator[str]:
    if not lived.plan:
        yield f"was no group call, and has rows: {row}"
        return
    members = () if row.outcome == "group_disabled" else lived.members
    try:
        assert_whole(row, members)
    except AssertionError as error:
        yield f"rows are not whole: {error}"


def _true(lived: Lived, row: Call) -> Iterator[str]:
    expected = expected_outcomes(lived, row)
    if row.outcome not in expected:
        yield f"is written as {row.outcome}, was {' or '.join(sorted(expected))}: {lived} {row}"
        return
    if row.outcome == "answered":
        if row.answered_by != lived.spoken_with:
            yield f"is written as answered by {row.answered_by!r}, was by {lived.spoken_with!r}"
        too_long_s = row.talk_s - lived.talked_s
        if row.cause != "INTERRUPTED" and not -CLOCK_S <= too_long_s <= CLOCK_S + lived.told_late_s:
            yield f"is written with {row.talk_s:.2f} s of talking, was {lived.talked_s:.2f} s"
    if row.outcome not in EXCUSES and lived.leg_causes is not None:
        told = tuple(leg.cause for leg in row.legs)
        if told != lived.leg_causes:
            yield f"is written with the legs {told}, they were {lived.leg_causes}"
    if any(leg.cause == "NO_ANSWER" for leg in row.legs):
        yield "rang out by the switch's own limit: no phone shows a missed call then"
    if row.cause == "INTERRUPTED" and lived.is_heard:
        yield "is closed as interrupted, although its end was heard"


def expected_outcomes(lived: Lived, row: Call) -> frozenset[str]:
    """
    Return what the row may say: one thing, as a rule.

    Two are possible only where the truth has left the switch before anybody could hear it, or never was there: nobody
    heard the end, or the connection broke before a phone rang, so that nobody could say what would have become of it.
    """
    if lived.spoken_with:
        return frozenset({"answered"} if lived.is_heard else {"answered", "interrupted"})
    precise = "caller_gone" if lived.gave_up else _sent_on(lived)
    if lived.rang and lived.is_heard:
        return frozenset({precise})
    if not lived.is_heard or lived.was_cut or lived.fallback == "":
        return EXCUSES | {precise}
    return frozenset({precise})


def _sent_on(lived: Lived) -> str:
    """Return the outcome that the caller was sent on with; of one whom the dialplan took back, what the phones did."""
    if lived.fallback:
        return lived.fallback
    return "no_answer" if lived.plan == "answered" else lived.plan
