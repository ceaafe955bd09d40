"""PURE: what is read, as the schemas of the API have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from esl_huntgroup.web.access import Access, OwnGroup
from esl_huntgroup.web.api.schemas import iso
from esl_huntgroup.web.reading import present
from esl_huntgroup.web.reading.figures import Count, Statistics
from esl_huntgroup.web.reading.rows import Details, Entry, Handled, Leg, Member, Row

Say = Callable[[str], str]

OWN_COLUMNS: Final = (
    *("call_id", "arrived_at", "group_name", "group_number", "caller_name", "caller_number", "kind"),
    *("answered_by_name", "wait_ms", "talk_ms", "outcome", "overflow", "handled_at", "handled_by_name", "handled_how"),
)
GROUP_COLUMNS: Final = ("user_name", *OWN_COLUMNS)
"""The columns of the CSV: of one's own journal, and of a group's, which has a line for each entry."""


def row(it: Row, now_ms: int) -> dict[str, Any]:
    """Return a call for ``CallOut``."""
    call = it.call
    return {
        "call_id": call.call_id,
        "arrived_at": call.arrived_at_ms,
        "answered_at": call.answered_at_ms,
        "ended_at": call.ended_at_ms,
        "group": {
            "id": call.group_id,
            "name": call.group_name,
            "number": call.group_number,
            "domain": call.group_domain,
        },
        "caller": {"name": call.caller_name, "number": call.caller_number},
        "state": call.state(now_ms).value,
        "outcome": call.outcome.value if call.outcome else None,
        "answered_by_name": call.answered_by_name,
        "wait_ms": call.wait_ms,
        "talk_ms": call.talk_ms,
        "overflow": call.overflow,
        "ringing": list(call.ringing),
        "entry": _entry(it.own) if it.own else None,
        "entries": None if it.entries is None else [_entry(entry) for entry in it.entries],
    }


def details(it: Details, now_ms: int, say: Say) -> dict[str, Any]:
    """Return a call for ``CallDetailsOut``; words are said by ``say``."""
    return {
        **row(it.row, now_ms),
        "went_on": present.went_on(it.row.call.overflow, say),
        "members": [_member(member, say) for member in it.members],
    }


def group(it: OwnGroup, access: Access) -> dict[str, Any]:
    """Return a group for ``GroupOut``."""
    return {
        "id": it.id,
        "name": it.name,
        "number": it.number,
        "domain": it.domain,
        "is_active": it.is_active,
        "roles": sorted(role.value for role in it.roles),
        "sees_journal": access.sees_journal(it.id),
        "sees_statistics": access.sees_group_page(it.id),
    }


def figures(it: Statistics, timezone: str) -> dict[str, Any]:
    """Return figures for ``StatisticsOut``."""
    return {
        "from_": it.from_ms,
        "until": it.until_ms,
        "timezone": timezone,
        "total": _count(it.total),
        "wait_ms": it.wait_ms,
        "talk_ms": it.talk_ms,
        "waits": [{"from_s": w.from_s, "until_s": w.until_s, **_count(w.count)} for w in it.waits],
        "by_hour": [{"hour": hour, **_count(count)} for hour, count in enumerate(it.by_hour)],
        "by_weekday": [{"weekday": day, **_count(count)} for day, count in enumerate(it.by_weekday, start=1)],
        "by_outcome": [{"outcome": outcome.value, "calls": calls} for outcome, calls in it.by_outcome],
        "members": [asdict(member) for member in it.members],
    }


def own_line(it: Row) -> Iterator[Mapping[str, Any]]:
    """Give the line of a call in the CSV of one's own journal."""
    yield _line(it, it.own)


def group_lines(it: Row) -> Iterator[Mapping[str, Any]]:
    """Give a line for each entry of a call in the CSV of a group; one for a call without."""
    for entry in it.entries or (None,):
        yield {"user_name": entry.user_name if entry else "", **_line(it, entry)}


def figure_lines(it: Statistics) -> Iterator[Mapping[str, Any]]:
    """Give a line for each figure: what it is of, of which, and the calls."""
    for name, of, count in _figures(it):
        yield {"of": name, "which": of, "calls": count.calls, "answered": count.answered, "missed": count.missed}
    for member in it.members:
        missed = member.missed + member.not_signalled
        yield {
            **{"of": "member", "which": member.user_name, "calls": member.calls},
            **{"answered": member.answered, "missed": missed},
        }


def _figures(it: Statistics) -> Iterator[tuple[str, object, Count]]:
    yield "total", "", it.total
    for waited in it.waits:
        yield "waited", f"{waited.from_s} s and longer", waited.count
    for hour, count in enumerate(it.by_hour):
        yield "hour", hour, count
    for day, count in enumerate(it.by_weekday, start=1):
        yield "weekday", day, count


def _line(it: Row, entry: Entry | None) -> dict[str, Any]:
    call, handled = it.call, entry.handled if entry else None
    return {
        "call_id": call.call_id,
        "arrived_at": iso(call.arrived_at_ms),
        "group_name": call.group_name,
        "group_number": call.group_number,
        "caller_name": call.caller_name,
        "caller_number": call.caller_number,
        "kind": entry.kind.value if entry else "",
        "answered_by_name": call.answered_by_name,
        "wait_ms": call.wait_ms,
        "talk_ms": call.talk_ms,
        "outcome": call.outcome.value if call.outcome else "",
        "overflow": call.overflow,
        "handled_at": iso(handled.at_ms) if handled else "",
        "handled_by_name": handled.by_name if handled else "",
        "handled_how": handled.how if handled else "",
    }


def _entry(it: Entry) -> dict[str, Any]:
    return {
        "user_id": it.user_id,
        "user_name": it.user_name,
        "kind": it.kind.value,
        "rang": it.rang,
        "cause": it.cause,
        "handled": _handled(it.handled) if it.handled else None,
    }


def _handled(it: Handled) -> dict[str, Any]:
    return {"at": it.at_ms, "by_name": it.by_name, "how": it.how}


def _member(it: Member, say: Say) -> dict[str, Any]:
    return {
        "user_id": it.user_id,
        "user_name": it.user_name,
        "said": present.member(it, say) if it.is_told and not it.legs else None,
        "legs": [_leg(leg, say) for leg in it.legs],
    }


def _leg(it: Leg, say: Say) -> dict[str, Any]:
    return {
        "line": it.line or None,
        "rang": it.rang if it.is_told else None,
        "cause": it.cause if it.is_told else None,
        "said": present.phone(it, say) if it.is_told else None,
    }


def _count(it: Count) -> dict[str, int]:
    return {"calls": it.calls, "answered": it.answered, "missed": it.missed}
