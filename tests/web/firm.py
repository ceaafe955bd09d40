"""A small firm and its calls, as the journal's writer stores them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import peewee

from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind, Outcome
from tests.database import rows

ANNA, BERND, CARLA, LEA = 1, 2, 3, 4
"""Anna and Bernd are members of Vertrieb, Carla of nothing; Lea leads it and sees its journal."""
NAMES = {ANNA: "Anna Berg", BERND: "Bernd Carl", CARLA: "Carla Dorn", LEA: "Lea Eich"}
LOGIN = {user_id: name.split()[0].lower() for user_id, name in NAMES.items()}
GROUP = 1


def set_up(db: peewee.Database) -> None:
    """Fill an empty database."""
    for user_id, name in NAMES.items():
        rows.insert(db, "users", id=user_id, name=LOGIN[user_id], display_name=name)
        rows.line(db, user_id, str(10 + user_id), kind="softphone")
    rows.group(db, "700", "Vertrieb", id=GROUP)
    for position, user_id in enumerate((ANNA, BERND), 1):
        rows.insert(db, "members", group_id=GROUP, position=position, user_id=user_id)
    rows.insert(db, "services", name="journal")
    rows.insert(db, "group_services", group_id=GROUP, service="journal")
    rows.insert(db, "superiors", group_id=GROUP, role="leader", user_id=LEA, level="business")


class Caller:
    """Calls of one after the other, each with an id of its own."""

    def __init__(self, db: peewee.Database) -> None:
        self.store = JournalStore(db)
        self._count = 0

    def opens(self, group_id: int = GROUP, name: str = "Kunde") -> str:
        """Return the id of a call that has just come."""
        self._count += 1
        now = now_ms()
        call_id = first_at(now)[:-6] + f"{self._count:06d}"
        self.store.write(
            [
                CallOpened(
                    call_id, "node", f"c{self._count}", group_id, "Vertrieb", "700", rows.DOMAIN, "030123", name, now
                )
            ]
        )
        return call_id

    def answered(self, call_id: str, by: int = ANNA, others: Sequence[int] = (BERND,)) -> None:
        """Let somebody answer."""
        entries = [EntryRecord(1, by, NAMES[by], EntryKind.ANSWERED, True, "NONE")]
        entries += [
            EntryRecord(place, user_id, NAMES[user_id], EntryKind.ANSWERED_ELSEWHERE, True, "LOSE_RACE")
            for place, user_id in enumerate(others, 2)
        ]
        self.store.write([CallAnswered(call_id, now_ms(), 1000, by, NAMES[by], (), tuple(entries))])

    def ends(self, call_id: str, outcome: Outcome = Outcome.ANSWERED) -> None:
        """Let a call end that was answered."""
        self.store.write([CallEnded(call_id, now_ms(), 1000, 500, outcome, "NORMAL_CLEARING", "", (), ())])

    def is_missed(self, call_id: str, by: Sequence[int] = (ANNA, BERND)) -> None:
        """Let the caller give up."""
        entries = [
            EntryRecord(place, user_id, NAMES[user_id], EntryKind.MISSED, True, "ORIGINATOR_CANCEL")
            for place, user_id in enumerate(by, 1)
        ]
        self.store.write(
            [CallEnded(call_id, now_ms(), 5000, 0, Outcome.CALLER_GONE, "ORIGINATOR_CANCEL", "", (), tuple(entries))]
        )


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000
