"""
Sessions: browsers in which a user is signed in. For the page and for commands.

A session ends when its user signs out or is removed, when the password changes, when somebody ends it, and when the
browser has not been seen for long. Everything here raises peewee's exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import peewee

from esl_huntgroup.db.engine import fetch, insert_rows, run
from esl_huntgroup.db.tables import User, WebAccount, WebSession
from esl_huntgroup.web.identity.keys import hashed, new_secret
from esl_huntgroup.web.identity.people import By, Person

SEEN_EVERY_MS: Final = 60_000
"""How exact it is known when a browser was seen last: a page that asks all the time writes once a minute."""
_AGENT_MAX_CHARS: Final = 255
_ADDRESS_MAX_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class Session:
    """A session, as its user and administrators see it."""

    id: int
    method: str
    created_at_ms: int
    seen_at_ms: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Found:
    """Whose session it is, and when it was seen last."""

    person: Person
    seen_at_ms: int


def begin(db: peewee.Database, user_id: int, method: str, now_ms: int, *, address: str = "", agent: str = "") -> str:
    """Begin a session and return its secret, which only the browser knows from then on."""
    secret = new_secret()
    row = {
        "secret_hash": hashed(secret),
        "user_id": user_id,
        "method": method,
        "created_at_ms": now_ms,
        "seen_at_ms": now_ms,
        "address": _storable(address, _ADDRESS_MAX_CHARS),
        "agent": _storable(agent, _AGENT_MAX_CHARS),
    }
    insert_rows(db, "web_sessions", list(row), [tuple(row.values())])
    return secret


def find(db: peewee.Database, secret: str, since_ms: int) -> Found | None:
    """Return the session with this secret if it was seen since then. One query."""
    query = (
        WebSession.select(
            WebSession.id, WebSession.seen_at_ms, User.id, User.name, User.display_name, WebAccount.language
        )
        .join(User, on=(WebSession.user == User.id))
        .join(WebAccount, peewee.JOIN.LEFT_OUTER, on=(WebAccount.user == User.id))
        .where((WebSession.secret_hash == hashed(secret)) & (WebSession.seen_at_ms >= since_ms))
    )
    for key, seen_at_ms, user_id, name, display_name, language in fetch(db, query):
        return Found(Person(user_id, name, display_name, language or "", None, By.SESSION, key), seen_at_ms)
    return None


def seen(db: peewee.Database, found: Found, now_ms: int) -> bool:
    """Keep the session alive. Writes at most once a minute, and returns whether it has."""
    if now_ms - found.seen_at_ms < SEEN_EVERY_MS:
        return False
    run(db, WebSession.update({WebSession.seen_at_ms: now_ms}).where(WebSession.id == found.person.key))
    return True


def of_user(db: peewee.Database, user_id: int, since_ms: int = 0) -> list[Session]:
    """Return the sessions of a user that were seen since then, the last seen first."""
    query = (
        WebSession.select(
            WebSession.id,
            WebSession.method,
            WebSession.created_at_ms,
            WebSession.seen_at_ms,
            WebSession.address,
            WebSession.agent,
        )
        .where((WebSession.user == user_id) & (WebSession.seen_at_ms >= since_ms))
        .order_by(WebSession.seen_at_ms.desc(), WebSession.id.desc())
    )
    return [Session(*row) for row in fetch(db, query)]


def end(db: peewee.Database, user_id: int, key: int | None = None) -> int:
    """End one session of a user, or all of them; return how many there were."""
    query = WebSession.delete().where(WebSession.user == user_id)
    return _count(db, query if key is None else query.where(WebSession.id == key))


def end_secret(db: peewee.Database, secret: str) -> int:
    """End the session with this secret; return how many there were."""
    return _count(db, WebSession.delete().where(WebSession.secret_hash == hashed(secret)))


def forget_unseen(db: peewee.Database, since_ms: int) -> int:
    """Delete the sessions that were not seen since then; return how many there were."""
    return _count(db, WebSession.delete().where(WebSession.seen_at_ms < since_ms))


def _count(db: peewee.Database, query: Any) -> int:
    return int(run(db, query).rowcount)


def _storable(text: str, most: int) -> str:
    """Return what a client says of itself as every database takes it."""
    return "".join(char if char.isprintable() else " " for char in text)[:most]
