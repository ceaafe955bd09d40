"""
PURE: the dial string of a group call.

``{common variables}[variables of a leg]sofia/…,[…]sofia/…`` (switch_ivr_originate.c). Its grammar has no reliable
quoting: what is safe inside ``{}`` is not safe inside ``[]``, quotes come and go with their number, and every value is
unescaped two to four times. So nothing is ever escaped here: values consist of characters that mean nothing in any of
the passes, and the separator is one of the others. What does not fit is refused, not repaired.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Final

from esl_huntgroup.calls.leg_report import ring_note
from esl_huntgroup.calls.ring_plan import PLANS_KNOWN_MAX, Leg, RingPlan
from esl_huntgroup.model.text import is_harmless
from esl_huntgroup.registrars.contacts import ENTERPRISE
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.registrar import Registrar

SEPARATOR: Final = "~"
RINGING: Final = "huntgroup_ringing"
"""A variable of each leg that nobody has answered yet: the call's id. What ends the ringing looks for it."""
PICKUP: Final = "pickup/"
"""How a pickup leg begins in the dial string, and the name of its channel."""
_CALL: Final = "\0"
_CALLER: Final = "\1"
"""Stand in no value, see ``_checked``, and in no contact, see ``registrars.contacts``."""
_SAFE: Final = frozenset(' .,_+-#&()*!?<>";:=@/')
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,_+#&()*!?<>\";:=@/-]*", re.ASCII)
"""Safe characters of ASCII: most values consist of these, and one match is faster than a look at each."""
VALUES_KNOWN_MAX: Final = 10_000
"""Values that are remembered to be safe: but for the call's id and the caller, those of every call are the same."""


def dial_string(
    variables: Mapping[str, str],
    plan: RingPlan,
    call_id: str,
    caller_uuid: str = "",
    registrar: Registrar = FREESWITCH,
    *,
    pickup: str = "",
) -> str:
    """
    Return the argument of ``bridge`` for a call to all legs of a plan at once; the registrar says how each is dialled.

    ``variables`` apply to every leg, which notes on the channel ``caller_uuid`` that it rings, or nowhere without one.
    ``pickup`` is the leg by which others join the call (``pickup_leg``), which comes first; empty: none.
    Raises ValueError for a value with a character that could be syntax: each is made of sanitised parts before it comes
    here, so this is a fault of ours and must not reach a switch. So is a plan of more than one round: one ``bridge``
    rings one.
    """
    legs = _legs(plan, registrar, notes_ringing=bool(caller_uuid)).replace(_CALL, call_id[:-4])
    legs = legs.replace(_CALLER, caller_uuid)
    if pickup:
        legs = f"{pickup},{legs}" if legs else pickup
    return _common(variables) + legs


def late_dial_string(
    variables: Mapping[str, str], plan: RingPlan, leg: Leg, call_id: str, *, caller_uuid: str, registrar: Registrar
) -> str:
    """
    Return the first argument of ``originate`` for one leg of a plan, in the quotes that hold it together.

    Nothing in it is a quote or a backslash, which would mean something there. Raises ValueError as ``dial_string``.
    """
    suffix = plan.suffixes[plan.legs.index(leg)]
    text = _leg(leg, suffix, _ring_notes(suffix), registrar).replace(_CALL, call_id[:-4]).replace(_CALLER, caller_uuid)
    dialled = _common(variables) + text
    if "'" in dialled or "\\" in dialled:
        raise ValueError(f"the argument of originate cannot hold {dialled!r}")
    return f"'{dialled}'"


def pickup_leg(variables: Mapping[str, str], key: str) -> str:
    """Return the leg by which others join the call."""
    return f"[^^{SEPARATOR}{_pairs(variables)}]{PICKUP}{_checked('pickup', key)}"


def _common(variables: Mapping[str, str]) -> str:
    return f"{{^^{SEPARATOR}{_pairs(variables)}}}"


def _pairs(variables: Mapping[str, str]) -> str:
    return SEPARATOR.join(f"{name}={_checked(name, value)}" for name, value in variables.items())


@functools.lru_cache(PLANS_KNOWN_MAX)
def _legs(plan: RingPlan, registrar: Registrar, *, notes_ringing: bool) -> str:
    """Return the legs of any call with this plan, with ``_CALL`` and ``_CALLER`` where its own values belong."""
    if len(plan.rounds) > 1:
        raise ValueError(f"one bridge rings one round, and these are {len(plan.rounds)}")
    return ",".join(
        [
            _leg(leg, suffix, _ring_notes(suffix) if notes_ringing else "", registrar)
            for leg, suffix in zip(plan.legs, plan.suffixes, strict=True)
        ]
    )


def _leg(leg: Leg, suffix: str, note: str, registrar: Registrar) -> str:
    endpoint, variables = registrar.destination(leg.line, leg.contact)
    own = "".join([f"{SEPARATOR}{name}={_checked(name, value)}" for name, value in variables])
    address = _checked("presence_id", leg.line.address)
    return (
        f"[^^{SEPARATOR}origination_uuid={_CALL}{suffix}{SEPARATOR}presence_id={address}"
        f"{SEPARATOR}huntgroup_user={leg.member.user_id}{note}{own}]{endpoint}"
    )


def _ring_notes(suffix: str) -> str:
    """Return the variables by which a leg notes that it rings: at 180, and at 183."""
    note = ring_note(_CALLER, _CALL, suffix)
    return f"{SEPARATOR}api_on_ring_huntgroup={note}{SEPARATOR}api_on_pre_answer_huntgroup={note}"


@functools.lru_cache(VALUES_KNOWN_MAX)
def _checked(name: str, value: str) -> str:
    if not value or value != value.strip() or ENTERPRISE in value or value.startswith(("^^", "ARRAY::")):
        raise ValueError(f"the dial-string variable {name} cannot hold {value!r}")
    for char in "" if _PLAIN.fullmatch(value) else value:
        if char not in _SAFE and not (char.isalnum() if char.isascii() else is_harmless(char)):
            raise ValueError(f"the dial-string variable {name} cannot hold {char!r}")
    return value
