"""PURE: the columns of calls and entries, as statements name them, and what becomes of a row of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.web.reading.rows import Call, Entry, Handled

CALL: Final = (
    "c.call_id, c.arrived_at_ms, c.group_id, c.group_name, c.group_number, c.group_domain, c.caller_name, "
    "c.caller_number, c.answered_at_ms, c.ended_at_ms, c.wait_ms, c.talk_ms, c.answered_by_user_id, "
    "c.answered_by_name, c.outcome, c.cause, c.overflow, g.ring_timeout_s, c.ringing"
)
"""``c`` is the call, ``g`` its group."""
CALL_COLUMNS: Final = CALL.count(",") + 1
_OUTCOME: Final = 14
ENTRY: Final = "e.user_id, e.user_name, e.kind, e.rang, e.cause, e.handled_at_ms, e.handled_by_name, e.handled_how"


def call(row: Sequence[Any], names: Mapping[int, str]) -> Call:
    """Return the call that begins a row; ``names`` has the users whose phones ring, by id."""
    stored, ring_timeout_s = list(row[: CALL_COLUMNS - 2]), row[CALL_COLUMNS - 2]
    outcome = stored[_OUTCOME]
    stored[_OUTCOME] = None if outcome is None else Outcome(str(outcome))
    rings = tuple(names[user_id] for user_id in ringing_ids(row) if user_id in names)
    return Call(*[*stored, ring_timeout_s, rings])


def ringing_ids(row: Sequence[Any]) -> list[int]:
    """Return the users whose phones ring in the call that begins a row; nobody's once it is answered or over."""
    text = row[CALL_COLUMNS - 1]
    is_over = row[_OUTCOME] is not None or row[8] is not None
    return [] if is_over or not text else [int(user_id) for user_id in json.loads(text)]


def entry(row: Sequence[Any]) -> Entry | None:
    """Return the entry that a row of ``ENTRY`` is; None for one of an outer join that has found none."""
    user_id, user_name, kind, rang, cause, at_ms, by_name, how = row
    if kind is None:
        return None
    handled = None if at_ms is None else Handled(at_ms, by_name or "", how or "")
    return Entry(user_id, user_name, EntryKind(str(kind)), bool(rang), cause, handled)
