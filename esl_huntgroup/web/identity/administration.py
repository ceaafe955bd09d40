"""
What administrators do about who signs in: invitations, sessions and tokens, each with its change for the audit.

None of it is configuration: no file has it, and no load takes it away. Everything here raises peewee's exceptions, and
belongs in the transaction in which the change is written to the audit.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import peewee

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.settings import Settings
from esl_huntgroup.web import clock
from esl_huntgroup.web.config import web_config
from esl_huntgroup.web.identity import accounts, sessions, tokens
from esl_huntgroup.web.identity.sessions import Session
from esl_huntgroup.web.identity.tokens import Token


def invite(db: peewee.Database, user_id: int, name: str, settings: Settings, days: int) -> tuple[Change, str, str]:
    """Invite a user; return the change, and the link. Raises InputError."""
    if not 1 <= days <= accounts.INVITATION_DAYS_MAX:
        raise InputError(f"--days {days} is too little or too much: 1 to {accounts.INVITATION_DAYS_MAX} are accepted")
    now_ms = clock.now_ms()
    link = f"{_page(settings)}/invitation/{accounts.invite(db, user_id, now_ms, days)}"
    return Change("add", "invitation", name, None, {"until": moment(now_ms + days * DAY_MS)}), "link", link


def add_token(
    db: peewee.Database, user_id: int, name: str, token: str, *, scopes: Sequence[str], days: int
) -> tuple[Change, str, str]:
    """Make a token for a user; return the change, and the token. Raises InputError."""
    now_ms = clock.now_ms()
    secret = tokens.make(db, user_id, token, scopes, now_ms=now_ms, days=days)
    return added_token(name, token, scopes, now_ms + days * DAY_MS), "token", secret


def added_token(name: str, token: str, scopes: Sequence[str], until_ms: int) -> Change:
    """Return what the audit says of a token that was made."""
    shown = {"scopes": list(tokens.token_scopes(scopes)), "until": moment(until_ms)}
    return Change("add", "token", f"{name}/{tokens.token_name(token)}", None, shown)


def remove_token(db: peewee.Database, user_id: int, name: str, token: str) -> Change:
    """Remove a token of a user. Raises InputError where there is none with this name."""
    found = tokens.remove(db, user_id, token)
    if found is None:
        raise InputError(f"user {name!r} has no token {token!r}: a name that `token list {name}` shows is accepted")
    shown = {"scopes": list(found.scopes), "until": moment(found.expires_at_ms)}
    return Change("remove", "token", f"{name}/{found.name}", shown, None)


def end_sessions(db: peewee.Database, user_id: int, name: str, key: int | None = None) -> list[Change]:
    """End one session of a user, or all. Raises InputError where there is no such session."""
    ended = [it for it in sessions.of_user(db, user_id) if key in (None, it.id)]
    if key is not None and not ended:
        raise InputError(f"user {name!r} has no session {key}: an id that `session list {name}` shows is accepted")
    for session in ended:
        sessions.end(db, user_id, session.id)
    return [ended_session(name, it) for it in ended]


def ended_session(name: str, session: Session) -> Change:
    """Return what the audit says of a session that was ended."""
    shown = {"address": session.address, "seen": moment(session.seen_at_ms)}
    return Change("remove", "session", f"{name}/{session.id}", shown, None)


def shown_session(session: Session) -> dict[str, Any]:
    """Return what is shown of a session."""
    return {
        "id": session.id,
        "signed_in_by": session.method,
        "since": moment(session.created_at_ms),
        "seen": moment(session.seen_at_ms),
        "address": session.address,
        "browser": session.agent,
    }


def shown_token(token: Token) -> dict[str, Any]:
    """Return what is shown of a token."""
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "since": moment(token.created_at_ms),
        "until": moment(token.expires_at_ms),
        "used": "" if token.used_at_ms is None else moment(token.used_at_ms),
    }


def moment(at_ms: int) -> str:
    """Return a time as people and programs read it, to the second, with its zone."""
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).astimezone().isoformat(timespec="seconds")


def _page(settings: Settings) -> str:
    if not settings.web_url and settings.web_listen is None:
        raise InputError("web_url is not set: the address under which members open the page is needed for the link")
    return web_config(settings, settings.web_listen or ("", 0)).public_url
