"""
Sign-ins that the provider of OpenID Connect has not answered yet: short, once, and for one browser.

Everything here raises peewee's exceptions.
"""

from __future__ import annotations

from typing import Final

import peewee

from esl_huntgroup.db.engine import fetch, insert_rows, run
from esl_huntgroup.db.tables import WebOidcState
from esl_huntgroup.web.identity.keys import hashed, new_secret
from esl_huntgroup.web.identity.provided import SignIn

VALID_MS: Final = 10 * 60_000
AT_MOST: Final = 10_000
"""Anybody may begin; more than these at one time are not remembered."""
_COLUMNS: Final = ("state_hash", "browser_hash", "nonce", "verifier", "next", "expires_at_ms")


def begin(db: peewee.Database, browser: str, following: str, now_ms: int) -> SignIn | None:
    """Remember a sign-in that begins in this browser, and where it leads; None: too many have begun."""
    run(db, WebOidcState.delete().where(WebOidcState.expires_at_ms <= now_ms))
    if fetch(db, WebOidcState.select(peewee.fn.COUNT(WebOidcState.state_hash)))[0][0] >= AT_MOST:
        return None
    started = SignIn(new_secret(), new_secret(), new_secret() + new_secret())
    row = (hashed(started.state), hashed(browser), started.nonce, started.verifier, following, now_ms + VALID_MS)
    insert_rows(db, "web_oidc_states", _COLUMNS, [row])
    return started


def finish(db: peewee.Database, state: str, browser: str, now_ms: int) -> tuple[SignIn, str] | None:
    """
    Use a sign-in up: return it, and where it leads. None: it is not known, over, or of another browser.

    Whoever shows a state uses it up, also from the wrong browser; of two at the same time one has it.
    """
    condition = WebOidcState.state_hash == hashed(state)
    columns = (WebOidcState.browser_hash, WebOidcState.nonce, WebOidcState.verifier, WebOidcState.next)
    found = fetch(db, WebOidcState.select(*columns, WebOidcState.expires_at_ms).where(condition))
    if not found or int(run(db, WebOidcState.delete().where(condition)).rowcount) != 1:
        return None
    browser_hash, nonce, verifier, following, expires_at_ms = found[0]
    if browser_hash != hashed(browser) or expires_at_ms <= now_ms:
        return None
    return SignIn(state, nonce, verifier), following
