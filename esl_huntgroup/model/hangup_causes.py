"""
PURE: FreeSWITCH hangup causes, and what each says about a leg.

The names are those of switch_types.h (Q.850 and FreeSWITCH's own); which SIP status becomes which cause is in
sofia_glue.c, sofia_glue_sip_cause_to_freeswitch. A cause that is not listed is a phone that could not be reached.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from esl_huntgroup.model.outcome import Outcome


class LegResult(enum.IntEnum):
    """What became of one leg, the more telling the higher."""

    NEVER_SENT = 0
    UNREACHABLE = 1
    REFUSED = 2
    RANG = 3
    ANSWERED = 4


CAUSE_MAX_CHARS = 64
"""The longest name in switch_types.h has 31 characters; what is much longer is no cause."""

LEG_LIMIT = "LEG_LIMIT"
"""Our own cause: the leg was over the number of legs one call may have."""
CONTACT_REFUSED = "CONTACT_REFUSED"
"""Our own cause: the phone registered a contact that is not safe to dial."""
NOT_REGISTERED = "NOT_REGISTERED"
"""Our own cause, of a member: no phone of theirs was registered."""
SHARED_CONTACT = "SHARED_CONTACT"
"""Our own cause, of a member: the phone rang for a colleague who shares it, and that colleague has the call."""
NEVER_CREATED = "NEVER_CREATED"
"""Our own cause: the leg was sent to the switch, which never made a channel of it."""

UNKNOWN = "UNKNOWN"
"""Our own cause: the leg was sent to the switch, and the switch was lost before it told what became of it."""

_WHATEVER_HAPPENED = {
    "NONE": LegResult.ANSWERED,
    UNKNOWN: LegResult.RANG,
    SHARED_CONTACT: LegResult.RANG,
    LEG_LIMIT: LegResult.NEVER_SENT,
    CONTACT_REFUSED: LegResult.NEVER_SENT,
    NOT_REGISTERED: LegResult.NEVER_SENT,
    "": LegResult.NEVER_SENT,
}
_SAID_NO = frozenset({"USER_BUSY", "CALL_REJECTED", "UNWANTED", "REQUESTED_CHAN_UNAVAIL"})
"""The phone, or who holds it, refused: 486 and 600, 603 and its kin, 607, a redirection that is not followed."""
_SAID_NO_AT_ONCE = frozenset({"NO_USER_RESPONSE"})
"""480: do not disturb on most phones. One that rang before just was not answered."""


class LegEnd(NamedTuple):
    """How a leg ended: its hangup cause, and whether its phone had said that it rings (180 or 183)."""

    cause: str
    rang: bool = False

    @property
    def result(self) -> LegResult:
        """What became of the leg."""
        return leg_result(self.cause, rang=self.rang)


def leg_result(cause: str, *, rang: bool) -> LegResult:
    """
    Return what became of a leg with this hangup cause; ``rang`` is whether its phone had said that it rings.

    The cause alone does not tell: a phone that was silent until a colleague answered has LOSE_RACE, and one that rang
    for a minute can end with any SIP status at all.
    """
    if known := _WHATEVER_HAPPENED.get(cause):
        return known
    if cause in _WHATEVER_HAPPENED:
        return LegResult.NEVER_SENT
    if cause in _SAID_NO or (cause in _SAID_NO_AT_ONCE and not rang):
        return LegResult.REFUSED
    return LegResult.RANG if rang else LegResult.UNREACHABLE


def call_outcome(ends: Iterable[LegEnd]) -> Outcome:
    """
    Return how a hunt ended that nobody answered and the caller did not leave.

    Busy are all only if every phone that was reached was busy or declined: one that rang out makes it ``no_answer``.
    FreeSWITCH's own ``originate_disposition`` is only the cause of the leg created first (switch_ivr_originate.c), so
    it is not asked. Phones that could not be reached count like phones that are not registered.
    """
    results = {end.result for end in ends}
    if LegResult.RANG in results or LegResult.ANSWERED in results:
        return Outcome.NO_ANSWER
    if LegResult.REFUSED in results:
        return Outcome.ALL_BUSY
    return Outcome.NOBODY_REGISTERED
