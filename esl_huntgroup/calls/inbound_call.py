"""
PURE: what the switch says of a caller when it hands over the call.

Everything in the channel data that a caller, a phone or a dialplan wrote is hostile until it has passed through here.
Which variables the dialplan extension sets, and why, is in ``freeswitch/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.callerid import CallerId
from esl_huntgroup.calls.own_lines import line_of, transferred_by
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_domain, normal_number
from esl_huntgroup.model.outcome import Outcome

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

_PRIVACY: Final = frozenset({"header", "id", "user"})
"""What a caller asks for who does not want to be known (RFC 3323, 4.2; RFC 3325, 9.3); the others are about else."""
_PRIVACY_VALUE = re.compile(r"[A-Za-z]+(?:; ?[A-Za-z]+)*", re.ASCII)
_ANONYMOUS_HOST: Final = "anonymous.invalid"
_SEPARATORS = re.compile(r"[;,\s]+")

_TRUE: Final = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})
"""switch_true, but for numbers."""

TRAIL_MAX: Final = 100
"""How many groups are read from the trail, the last ones: far more than a call may visit."""


Get = Callable[[str], str | None]


class Visit(NamedTuple):
    """A group that the caller has been at, ``number@domain``, and why nobody there took the call."""

    group: str
    outcome: Outcome

    def __str__(self) -> str:
        """Return how it stands in ``huntgroup_trail``."""
        return f"{self.group}/{self.outcome.value}"


@dataclass(frozen=True, slots=True)
class InboundCall:
    """
    A caller at a group number.

    ``number`` and ``domain`` are in normal form; when either was not a number or a domain it is empty and ``problem``
    says why. ``caller_name`` and ``caller_number`` are who the caller is, empty for one who withholds it; ``shown`` is
    what the phones are shown, as a plain ``bridge`` would. ``privacy`` is the Privacy header that the dialplan has set
    for the phones. ``caller_address`` is ``account@domain`` of a caller who has a line here, else empty. ``age_ms`` is
    how long ago the dialplan handed the call over, and ``watchdog_ms`` after how long it takes the call back (0:
    never). ``park_timeout`` is what parking will remove (see ``controller``). ``is_answered`` is a caller whom somebody
    has answered before (an IVR, say), so that no 180 reaches them; one ``is_in_silence`` has no tone of the dialplan's
    own. ``has_ringback`` is whether the dialplan has set what a caller hears. ``headers_are_decided`` is whether the
    dialplan says if the caller's own headers go to the phones. ``is_static`` is for a socket without ``async``: it
    executes an application at once, and says nothing until that is over. ``bypasses_media`` is a caller whose media
    does not pass through the switch, so that nobody can join the call; one who ``has_hangup_hook`` or
    ``has_presence_data`` has one of the dialplan's.
    """

    channel_uuid: str
    node: str
    number: str
    domain: str
    caller_name: str
    caller_number: str
    shown: CallerId
    privacy: str
    caller_address: str
    transferred_by: str
    diversion: str
    history_info: str
    arrived_at_ms: int
    age_ms: int
    watchdog_ms: int
    park_timeout: str
    trail: tuple[Visit, ...]
    missing_settings: tuple[str, ...]
    is_answered: bool
    is_in_silence: bool
    has_ringback: bool
    headers_are_decided: bool
    is_static: bool
    bypasses_media: bool
    has_hangup_hook: bool
    has_presence_data: bool
    problem: str

    @property
    def has_plain_uuid(self) -> bool:
        """Whether the uuid means nothing to anybody: a profile may let the caller choose it by his Call-ID."""
        return PLAIN_UUID.fullmatch(self.channel_uuid) is not None

    @property
    def variables(self) -> dict[str, str]:
        """
        What each phone's leg carries of the caller.

        Always set where there is something: else the switch would send what the caller wrote as it is.
        """
        carried = {
            "origination_caller_id_name": self.shown.name,
            "origination_caller_id_number": self.shown.number,
            "sip_h_Privacy": self.privacy,
        }
        return {name: value for name, value in carried.items() if value}

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
    is_called = get("Call-Direction") == "outbound"  # and was transferred to us: its headers are those of our own legs
    domain_text = get("variable_huntgroup_domain") or get("variable_domain_name") or default_domain
    number, number_problem = _normal(normal_number, get("Caller-Destination-Number") or "")
    domain, domain_problem = _normal(normal_domain, domain_text)
    caller = _bridged_as(get)
    known = known_caller(get)
    return InboundCall(
        channel_uuid=get("Unique-ID") or "",
        node=callerid.number(get("FreeSWITCH-Switchname") or get("FreeSWITCH-Hostname") or ""),
        number=number,
        domain=domain,
        caller_name=known.name,
        caller_number=known.number,
        shown=callerid.on_phones(caller),
        privacy=_privacy(get),
        caller_address=line_of(get, domain),
        transferred_by=transferred_by(get, domain),
        diversion="" if is_called else get("variable_sip_h_Diversion") or "",
        history_info="" if is_called else get("variable_sip_history_info") or "",
        arrived_at_ms=now_ms,
        age_ms=max(now_ms - handed_over_s * 1000, 0) if handed_over_s else 0,
        watchdog_ms=watchdog_s * 1000 if has_watchdog else 0,
        park_timeout=get("variable_park_timeout") or "",
        trail=_trail(get("variable_huntgroup_trail") or ""),
        missing_settings=tuple(name for name, value in REQUIRED_SETTINGS.items() if get(f"variable_{name}") != value),
        is_answered=is_answered,
        is_in_silence=is_answered and not get("variable_transfer_ringback"),
        has_ringback=bool(get("variable_ringback") or get("variable_transfer_ringback")),
        headers_are_decided=bool(get("variable_sip_copy_custom_headers")),
        is_static=get("Socket-Mode") == "static",
        bypasses_media=(get("variable_bypass_media") or "").lower() in _TRUE,
        has_hangup_hook=bool(get("variable_api_hangup_hook")),
        has_presence_data=bool(get("variable_presence_data")),
        problem=_control_problem(get) or number_problem or domain_problem,
    )


def _control_problem(get: Get) -> str:
    """Return why this socket cannot carry a group call, empty when it can."""
    mode, control = get("Socket-Mode"), get("Control")
    if mode in ("async", "static") and control == "full":
        return ""
    return f"the dialplan runs socket with mode {mode} and control {control}; 'async full' or 'full' is needed"


def _bridged_as(get: Get) -> CallerId:
    """Return who ``bridge`` says that the caller is (switch_core_session.c, switch_core_session_outgoing_channel)."""
    return CallerId(
        get("variable_effective_caller_id_name") or get("Caller-Caller-ID-Name") or "",
        get("variable_effective_caller_id_number") or get("Caller-Caller-ID-Number") or "",
    )


def known_caller(get: Get) -> CallerId:
    """Return who the caller of this channel wants to be known as: for the journal."""
    caller = _bridged_as(get)
    if _is_withheld(get) or caller.number.lower() == callerid.NOBODY:
        return CallerId()
    is_nameless = get("Caller-Privacy-Hide-Name") == "true"
    return CallerId("" if is_nameless else callerid.name(caller.name), callerid.number(caller.number))


def _is_withheld(get: Get) -> bool:
    """
    Whether the caller withholds the number: told so to the switch, in Privacy, or by a From of nobody (RFC 3323).

    The number itself may be there all the same: a proxy of ours asserts it, for the switch alone (RFC 3325).
    """
    if get("Caller-Privacy-Hide-Number") == "true":
        return True
    asked = f"{get('variable_sip_Privacy') or ''};{_privacy(get)}".lower()
    if not _PRIVACY.isdisjoint(_SEPARATORS.split(asked)):
        return True
    host = (get("variable_sip_from_host") or "").lower()
    return host == _ANONYMOUS_HOST or (get("variable_sip_from_user") or "").lower() == callerid.NOBODY


def _privacy(get: Get) -> str:
    """Return the Privacy header that the dialplan has set; what is none is left out."""
    privacy = get("variable_sip_h_Privacy") or ""
    return privacy if _PRIVACY_VALUE.fullmatch(privacy) else ""


def _trail(text: str) -> tuple[Visit, ...]:
    """Return the groups that the caller has been at, as ``Visit`` writes them. What is no visit is left out."""
    return tuple(filter(None, map(_visited, text.rsplit(",", TRAIL_MAX)[-TRAIL_MAX:])))


def _visited(text: str) -> Visit | None:
    group, _, outcome = text.partition("/")
    number, _, domain = group.partition("@")
    try:
        return Visit(f"{normal_number(number)}@{normal_domain(domain)}", Outcome(outcome))
    except (InputError, ValueError):
        return None


def _normal(normalise: Callable[[str], str], text: str) -> tuple[str, str]:
    try:
        return normalise(text), ""
    except InputError as error:
        return "", str(error)


def _integer(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else 0
