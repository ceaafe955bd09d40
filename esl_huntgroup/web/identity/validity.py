"""Whether those who opened a page may still be shown it: sessions and tokens end, and users are removed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import peewee

from esl_huntgroup.db.engine import fetch, portions
from esl_huntgroup.db.tables import ApiToken, User, WebSession
from esl_huntgroup.web.identity.people import By, Person


def still_valid(db: peewee.Database, people: Collection[Person], *, now_ms: int, since_ms: int) -> set[Person]:
    """
    Return those whose session, token or user is still there; ``since_ms`` is when a session must have been seen.

    An open page that is live is not seen by that alone: its session ends like every other. One statement for each 500
    proofs of one kind. Raises peewee's exceptions.
    """
    tables: dict[By, tuple[Any, Any]] = {
        By.SESSION: (WebSession, WebSession.seen_at_ms >= since_ms),
        By.TOKEN: (ApiToken, ApiToken.expires_at_ms > now_ms),
        By.HEADER: (User, User.id > 0),
    }
    found: set[Person] = set()
    for by, (table, condition) in tables.items():
        held = [it for it in people if it.by is by]
        ids = {_proof(it) for it in held}
        there = {key for some in portions(sorted(ids)) for (key,) in _keys(db, table, condition, some)}
        found |= {it for it in held if _proof(it) in there}
    return found


def _proof(person: Person) -> int:
    return person.user_id if person.by is By.HEADER else person.key


def _keys(db: peewee.Database, table: Any, condition: Any, ids: Sequence[int]) -> list[tuple[int]]:
    return fetch(db, table.select(table.id).where(condition & table.id.in_(ids)))
