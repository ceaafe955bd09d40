"""PURE: whose line a channel is, as far as the switch says: so that nobody is rung by their own call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_account, normal_domain

REFERRED_BY_MAX_CHARS: Final = 500
_REFERRED_BY = re.compile(r"sips?:([^@;>\s]++)@", re.ASCII)

Get = Callable[[str], str | None]


def line_of(get: Get, domain: str) -> str:
    """
    Return ``account@domain`` of the line whose phone this channel is, empty for somebody from outside.

    An authenticated user is believed. Without authentication (behind a proxy that has done it) the From of our own
    domain is; the worst a liar achieves is that the phone whose name he takes does not ring. A channel that the switch
    itself has called, and that was transferred to us, belongs to whoever answered it.
    """
    if get("Call-Direction") == "outbound":
        return _address(*_called(get), domain)
    user, host = get("variable_user_name"), get("variable_domain_name")
    if not user:
        user, host = get("variable_sip_from_user"), get("variable_sip_from_host")
        if (host or "").lower() != domain:
            return ""
    return _address(user, host, domain)


def _called(get: Get) -> tuple[str | None, str | None]:
    """Return account and domain of the line that an outbound channel has called."""
    if presence := get("variable_presence_id"):
        account, _, host = presence.partition("@")
        return account, host
    if dialed := get("variable_dialed_user"):
        return dialed, get("variable_dialed_domain")
    return get("variable_sip_to_user"), None


def transferred_by(get: Get, domain: str) -> str:
    """Return whose phone has sent the caller to us: the user in Referred-By (RFC 3892), whatever host stands there."""
    match = _REFERRED_BY.search((get("variable_sip_h_Referred-By") or "")[:REFERRED_BY_MAX_CHARS])
    return _address(match[1], None, domain) if match else ""


def _address(account: str | None, host: str | None, domain: str) -> str:
    try:
        return f"{normal_account(account or '')}@{normal_domain(host or domain)}"
    except InputError:
        return ""
