"""
PURE: what the switch says of a caller when it hands over the call.

Everything in the channel data that a caller, a phone or a dialplan wrote is hostile until it has passed through here.
Which variables the dialplan extension sets, and why, is in ``freeswitch/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls import callerid
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_account, normal_domain, normal_number

REQUIRED_SETTINGS: Final = {
    "continue_on_fail": "true",
    "hangup_after_bridge": "true",
    "sip_ignore_remote_cause": "true",
}
"""
Channel variables without which a group call goes wrong: the caller is hung up after a busy phone, comes back after the
conversation, or gets a member's SIP status. The dialplan sets them; where it did not, the service does, and says so.
"""

PLAIN_UUID = re.compile(r"[A-Za-z0-9@._-]+", re.ASCII)
"""A uuid that means nothing to anybody."""

_REFERRED_BY = re.compile(r"sips?:([^@;>\s]++)@", re.ASCII)
REFERRED_BY_MAX_CHARS: Final = 500

Get = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class InboundCall:
    """
    A caller at a group number.

    ``number`` and ``domain`` are in normal form; when either was not a number or a domain it is empty and ``problem``
    says why. ``caller_address`` is ``account@domain`` of a caller who has a line here, else empty; ``transferred_by``
    that of whoever has sent the caller to us by a REFER. ``age_ms`` is how long ago the dialplan handed the call over,
    and ``watchdog_ms`` after how long it takes the call back (0: never).
    ``park_timeout`` is what parking will remove (see ``controller``). ``is_answered`` is a caller whom somebody has
    answered before (an IVR, say), so that no 180 reaches them; one ``is_in_silence`` has no tone of the dialplan's own.
    ``headers_are_decided`` is whether the dialplan says if the caller's own headers go to the phones. ``is_static`` is
    for a socket without ``async``: it executes an application at once, and says nothing until that is over.
    """

    channel_uuid: str
    node: str
    number: str
    domain: str
    caller_name: str
    caller_number: str
    caller_address: str
    transferred_by: str
    diversion: str
    history_info: str
    arrived_at_ms: int
    age_ms: int
    watchdog_ms: int
    park_timeout: str
    trail: tuple[str, ...]
    missing_settings: tuple[str, ...]
    is_answered: bool
    is_in_silence: bool
    headers_are_decided: bool
    is_static: bool
    problem: str

    @property
    def has_plain_uuid(self) -> bool:
        """Whether the uuid means nothing to anybody: a profile may let the caller choose it by his Call-ID."""
        return PLAIN_UUID.fullmatch(self.channel_uuid) is not None

    @property
    def parks_visibly(self) -> bool:
        """Whether the dialplan has set ``park_timeout``, so that one can see when the channel is parked."""
        return bool(self.park_timeout)


def read_inbound_call(get: Get, default_domain: str) -> InboundCall:
    """
    Return the caller described by the channel data; ``get`` is ``Message.get`` of the answer to ``connect``.

    Raises nothing: what cannot be used is left empty and named in ``problem``.
    """
    now_ms = _integer(get("Event-Date-Timestamp")) // 1000
    handed_over_s = _integer(get("variable_huntgroup_arrived"))
    watchdog_s = _integer(get("variable_huntgroup_watchdog_s"))
    has_watchdog = (get("variable_huntgroup_watchdog") or "").startswith("+OK")
    is_answered = get("Answer-State") == "answered"
    domain_text = get("variable_huntgroup_domain") or get("variable_domain_name") or default_domain
    number, number_problem = _normal(normal_number, get("Caller-Destination-Number") or "")
    domain, domain_problem = _normal(normal_domain, domain_text)
    return InboundCall(
        channel_uuid=get("Unique-ID") or "",
        node=callerid.number(get("FreeSWITCH-Switchname") or get("FreeSWITCH-Hostname") or ""),
        number=number,
        domain=domain,
        caller_name=callerid.display_name(get("Caller-Caller-ID-Name") or ""),
        caller_number=callerid.number(get("Caller-Caller-ID-Number") or ""),
        caller_address=line_of(get, domain),
        transferred_by=_transferred_by(get, domain),
        diversion=get("variable_sip_h_Diversion") or "",
        history_info=get("variable_sip_history_info") or "",
        arrived_at_ms=now_ms,
        age_ms=max(now_ms - handed_over_s * 1000, 0) if handed_over_s else 0,
        watchdog_ms=watchdog_s * 1000 if has_watchdog else 0,
        park_timeout=get("variable_park_timeout") or "",
        trail=tuple(filter(None, (get("variable_huntgroup_trail") or "").split(","))),
        missing_settings=tuple(name for name, value in REQUIRED_SETTINGS.items() if get(f"variable_{name}") != value),
        is_answered=is_answered,
        is_in_silence=is_answered and not get("variable_transfer_ringback"),
        headers_are_decided=bool(get("variable_sip_copy_custom_headers")),
        is_static=get("Socket-Mode") == "static",
        problem=_control_problem(get) or number_problem or domain_problem,
    )


def _control_problem(get: Get) -> str:
    """Return why this socket cannot carry a group call, empty when it can."""
    mode, control = get("Socket-Mode"), get("Control")
    if mode in ("async", "static") and control == "full":
        return ""
    return f"the dialplan runs socket with mode {mode} and control {control}; 'async full' or 'full' is needed"


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


def _transferred_by(get: Get, domain: str) -> str:
    """Return whose phone has sent the caller to us: the user in Referred-By (RFC 3892), whatever host stands there."""
    match = _REFERRED_BY.search((get("variable_sip_h_Referred-By") or "")[:REFERRED_BY_MAX_CHARS])
    return _address(match[1], None, domain) if match else ""


def _address(account: str | None, host: str | None, domain: str) -> str:
    try:
        return f"{normal_account(account or '')}@{normal_domain(host or domain)}"
    except InputError:
        return ""


def _normal(normalise: Callable[[str], str], text: str) -> tuple[str, str]:
    try:
        return normalise(text), ""
    except InputError as error:
        return "", str(error)


def _integer(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else 0
