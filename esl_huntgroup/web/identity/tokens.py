"""
Tokens of the API: what a program shows in the name of a user. For the page and for commands.

A token is shown once, when it is made. Everything here raises peewee's exceptions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import peewee

from esl_huntgroup.db.engine import fetch, insert_rows, run
from esl_huntgroup.db.tables import ApiToken, User, WebAccount
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.text import normal_name
from esl_huntgroup.web.identity.keys import hashed, new_secret
from esl_huntgroup.web.identity.people import By, Person, Scope
from esl_huntgroup.web.words import gettext as _

PREFIX: Final = "eslhg_"
"""Lets people, and programs that look for secrets in the wrong place, recognise a token."""
NAME_MAX_CHARS: Final = 64
DAYS_DEFAULT: Final = 90
DAYS_MAX: Final = 366
TOKENS_MAX: Final = 50
USED_EVERY_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token, as its user and administrators see it."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at_ms: int
    expires_at_ms: int
    used_at_ms: int | None


def make(
    db: peewee.Database, user_id: int, name: str, scopes: Collection[str], *, now_ms: int, days: int = DAYS_DEFAULT
) -> str:
    """Make a token and return it. Raises InputError where name, scopes or days are not accepted."""
    name, wanted = token_name(name), token_scopes(scopes)
    if not 1 <= days <= DAYS_MAX:
        raise InputError(_("A token is valid for 1 to %d days.") % DAYS_MAX)
    held = of_user(db, user_id)
    if name in {it.name for it in held}:
        raise InputError(_("There is a token “%s” already: another name is accepted, or remove that one first.") % name)
    if len(held) >= TOKENS_MAX:
        raise InputError(_("There are %d tokens already, which is the most: remove one first.") % TOKENS_MAX)
    secret = PREFIX + new_secret()
    row = {
        "secret_hash": hashed(secret),
        "user_id": user_id,
        "name": name,
        "scopes": " ".join(wanted),
        "created_at_ms": now_ms,
        "expires_at_ms": now_ms + days * DAY_MS,
    }
    insert_rows(db, "api_tokens", list(row), [tuple(row.values())])
    return secret


def token_name(text: str) -> str:
    """Return the name of a token in normal form. Raises InputError."""
    name = normal_name(text.strip())
    if not (name and name.isprintable() and len(name) <= NAME_MAX_CHARS):
        raise InputError(_("A token needs a name of 1 to %d printable characters.") % NAME_MAX_CHARS)
    return name


def token_scopes(given: Collection[str]) -> tuple[str, ...]:
    """Return the scopes in their order, each once. Raises InputError."""
    words = tuple(it.value for it in Scope)
    known = ", ".join(words)
    for word in given:
        if word not in words:
            raise InputError(
                _("“%(word)s” is no scope: %(accepted)s are accepted.") % {"word": word, "accepted": known}
            )
    if not given:
        raise InputError(_("A token without a scope can do nothing: %s are accepted.") % known)
    return tuple(word for word in words if word in given)


def find(db: peewee.Database, secret: str, now_ms: int) -> tuple[Person, int | None] | None:
    """Return whose token this is and when it was used last, unless it has expired. One query."""
    query = (
        ApiToken.select(
            ApiToken.id,
            ApiToken.scopes,
            ApiToken.used_at_ms,
            User.id,
            User.name,
            User.display_name,
            WebAccount.language,
        )
        .join(User, on=(ApiToken.user == User.id))
        .join(WebAccount, peewee.JOIN.LEFT_OUTER, on=(WebAccount.user == User.id))
        .where((ApiToken.secret_hash == hashed(secret)) & (ApiToken.expires_at_ms > now_ms))
    )
    for key, scopes, used_at_ms, user_id, name, display_name, language in fetch(db, query):
        person = Person(user_id, name, display_name, language or "", frozenset(scopes.split()), By.TOKEN, key)
        return person, used_at_ms
    return None


def used(db: peewee.Database, key: int, last_ms: int | None, now_ms: int) -> None:
    """Remember when the token was used last; writes at most once a minute."""
    if last_ms is None or now_ms - last_ms >= USED_EVERY_MS:
        run(db, ApiToken.update({ApiToken.used_at_ms: now_ms}).where(ApiToken.id == key))


def of_user(db: peewee.Database, user_id: int) -> list[Token]:
    """Return the tokens of a user by name; one that has expired stays until somebody removes it."""
    query = (
        ApiToken.select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.scopes,
            ApiToken.created_at_ms,
            ApiToken.expires_at_ms,
            ApiToken.used_at_ms,
        )
        .where(ApiToken.user == user_id)
        .order_by(ApiToken.name)
    )
    return [Token(key, name, tuple(scopes.split()), *times) for key, name, scopes, *times in fetch(db, query)]


def remove(db: peewee.Database, user_id: int, name: str) -> Token | None:
    """Remove a token of a user, and return what it was; None: there is none with this name."""
    found: Token | None = next((it for it in of_user(db, user_id) if it.name == normal_name(name)), None)
    if found is not None:
        run(db, ApiToken.delete().where(ApiToken.id == found.id))
    return found
