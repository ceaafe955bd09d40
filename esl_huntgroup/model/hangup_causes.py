"""
PURE: FreeSWITCH hangup causes, and what each says about a leg.

The names are those of switch_types.h (Q.850 and FreeSWITCH's own); which SIP status becomes which cause is in
sofia_glue.c, sofia_glue_sip_cause_to_freeswitch. A cause that is not listed is a phone that could not be reached.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

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

_FATES = {
    "NONE": LegResult.ANSWERED,
    # The invitation was pending when something else ended it: the phone was ringing.
    "LOSE_RACE": LegResult.RANG,
    "NO_ANSWER": LegResult.RANG,
    "ALLOTTED_TIMEOUT": LegResult.RANG,
    "PROGRESS_TIMEOUT": LegResult.RANG,
    "ORIGINATOR_CANCEL": LegResult.RANG,
    "PICKED_OFF": LegResult.RANG,
    "NORMAL_CLEARING": LegResult.RANG,
    UNKNOWN: LegResult.RANG,
    SHARED_CONTACT: LegResult.RANG,
    # The phone itself said no: 486 and 600, 603 and its kin, 480 (do not disturb on most phones), a redirection.
    "USER_BUSY": LegResult.REFUSED,
    "CALL_REJECTED": LegResult.REFUSED,
    "NO_USER_RESPONSE": LegResult.REFUSED,
    "UNWANTED": LegResult.REFUSED,
    "REQUESTED_CHAN_UNAVAIL": LegResult.REFUSED,
    LEG_LIMIT: LegResult.NEVER_SENT,
    CONTACT_REFUSED: LegResult.NEVER_SENT,
    NOT_REGISTERED: LegResult.NEVER_SENT,
    "": LegResult.NEVER_SENT,
}


def leg_result(cause: str) -> LegResult:
    """Return what a leg's hangup cause says about it."""
    return _FATES.get(cause, LegResult.UNREACHABLE)


def call_outcome(causes: Iterable[str]) -> Outcome:
    """
    Return how a hunt ended that nobody answered and the caller did not leave.

    FreeSWITCH's own ``originate_disposition`` is only the cause of the leg created first (switch_ivr_originate.c), so
    it is not asked. Phones that could not be reached count like phones that are not registered.
    """
    fates = {leg_result(cause) for cause in causes}
    if LegResult.RANG in fates or LegResult.ANSWERED in fates:
        return Outcome.NO_ANSWER
    if LegResult.REFUSED in fates:
        return Outcome.ALL_BUSY
    return Outcome.NOBODY_REGISTERED
