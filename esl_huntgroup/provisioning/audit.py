"""
Who changed what: one row for each change, written in the transaction of the change itself.

``before`` and ``after`` are what people would be shown of the thing, as a mapping; None means that there was, or is, no
such thing. A change that is undone leaves no row, and a row cannot be without its change.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import peewee

from esl_huntgroup.db.engine import fetch, insert_rows
from esl_huntgroup.db.tables import Audit
from esl_huntgroup.provisioning.change import Change, Shown

__all__ = ["Change", "Entry", "Shown", "entries", "record"]

_COLUMNS = ("at_ms", "who", "action", "kind", "name", "before", "after")


@dataclass(frozen=True, slots=True)
class Entry:
    """A change, when it was (milliseconds since 1970, by the clock of who made it) and by whom."""

    at_ms: int
    who: str
    change: Change


def record(db: peewee.Database, who: str, *changes: Change) -> None:
    """Write the changes of one moment down, within the transaction that makes them. Raises peewee's exceptions."""
    at_ms = time.time_ns() // 1_000_000
    rows = [(at_ms, who, c.action, c.kind, c.name, _text(c.before), _text(c.after)) for c in changes]
    insert_rows(db, "audit", _COLUMNS, rows)


def entries(db: peewee.Database, *, kind: str = "", name: str = "", since_ms: int = 0, limit: int = 100) -> list[Entry]:
    """
    Return at most ``limit`` changes since a moment, newest first, of one kind and name where they are given.

    One query. Raises peewee's exceptions.
    """
    query = Audit.select(*(getattr(Audit, column) for column in _COLUMNS)).where(Audit.at_ms >= since_ms)
    for column, value in ((Audit.kind, kind), (Audit.name, unicodedata.normalize("NFC", name))):
        query = query.where(column == value) if value else query
    return list(_entries(fetch(db, query.order_by(Audit.id.desc()).limit(limit))))


def _entries(rows: Sequence[tuple[Any, ...]]) -> Iterator[Entry]:
    for at_ms, who, action, kind, name, before, after in rows:
        yield Entry(at_ms, who, Change(action, kind, name, _read(before), _read(after)))


def _text(shown: Shown | None) -> str | None:
    return None if shown is None else msgspec.json.encode(shown).decode()


def _read(text: str | None) -> Shown | None:
    if text is None:
        return None
    shown: Shown = msgspec.json.decode(text)
    return shown
