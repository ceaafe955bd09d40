"""
Accounts: the password of a user, and the language. For the page and for commands.

Everything here raises peewee's exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import peewee

from esl_huntgroup.db.engine import fetch, insert_rows, run
from esl_huntgroup.db.tables import User, WebAccount, WebInvitation
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web.identity import sessions
from esl_huntgroup.web.identity.keys import hashed, new_secret

INVITATION_DAYS: Final = 7
INVITATION_DAYS_MAX: Final = 90


@dataclass(frozen=True, slots=True)
class Account:
    """A user, with what is stored of the password; empty: none."""

    user_id: int
    name: str
    display_name: str
    password_hash: str


def by_name(db: peewee.Database, name: str) -> Account | None:
    """Return the account of the user with this name. No name holds what cannot be printed, and no database takes it."""
    return _account(db, User.name == name) if name.isprintable() else None


def invited(db: peewee.Database, secret: str, now_ms: int) -> Account | None:
    """Return whose invitation this is, unless it has expired or was used."""
    query = WebInvitation.select(WebInvitation.user).where(
        (WebInvitation.secret_hash == hashed(secret)) & (WebInvitation.expires_at_ms > now_ms)
    )
    found = fetch(db, query)
    return _account(db, User.id == found[0][0]) if found else None


def _account(db: peewee.Database, condition: object) -> Account | None:
    query = (
        User.select(User.id, User.name, User.display_name, WebAccount.password_hash)
        .join(WebAccount, peewee.JOIN.LEFT_OUTER, on=(WebAccount.user == User.id))
        .where(condition)
    )
    for user_id, name, display_name, password_hash in fetch(db, query):
        return Account(user_id, name, display_name, password_hash or "")
    return None


def invite(db: peewee.Database, user_id: int, now_ms: int, days: int = INVITATION_DAYS) -> str:
    """Make an invitation and return its secret. It replaces those that the user has been given before."""
    secret = new_secret()
    withdraw(db, user_id)
    run(db, WebInvitation.delete().where(WebInvitation.expires_at_ms <= now_ms))
    row = (hashed(secret), user_id, now_ms, now_ms + days * DAY_MS)
    insert_rows(db, "web_invitations", ("secret_hash", "user_id", "created_at_ms", "expires_at_ms"), [row])
    return secret


def withdraw(db: peewee.Database, user_id: int) -> int:
    """Withdraw the invitations of a user; return how many there were."""
    return int(run(db, WebInvitation.delete().where(WebInvitation.user == user_id)).rowcount)


def use_invitation(db: peewee.Database, secret: str, now_ms: int) -> bool:
    """Use an invitation up; of two who do so at the same time one is told that it is not there."""
    query = WebInvitation.delete().where(
        (WebInvitation.secret_hash == hashed(secret)) & (WebInvitation.expires_at_ms > now_ms)
    )
    return int(run(db, query).rowcount) == 1


def set_password(db: peewee.Database, user_id: int, password_hash: str, now_ms: int) -> int:
    """Set the password, and end every session and invitation of the user. Return how many sessions ended."""
    _keep(db, user_id, {WebAccount.password_hash: password_hash, WebAccount.password_set_at_ms: now_ms})
    withdraw(db, user_id)
    return sessions.end(db, user_id)


def rehash_password(db: peewee.Database, user_id: int, before: str, password_hash: str) -> None:
    """Keep the same password in another way, unless somebody has changed it meanwhile."""
    query = WebAccount.update({WebAccount.password_hash: password_hash})
    run(db, query.where((WebAccount.user == user_id) & (WebAccount.password_hash == before)))


def set_language(db: peewee.Database, user_id: int, language: str) -> None:
    """Remember which language a user has chosen."""
    _keep(db, user_id, {WebAccount.language: language})


def _keep(db: peewee.Database, user_id: int, values: dict[object, object]) -> None:
    insert_rows(db, "web_accounts", ("user_id",), [(user_id,)], once=True)
    run(db, WebAccount.update(values).where(WebAccount.user == user_id))
