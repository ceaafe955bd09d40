"""
PURE: FreeSWITCH hangup causes, and what each says about a leg.

The names are those of switch_types.h (Q.850 and FreeSWITCH's own); which SIP status becomes which cause is in
sofia_glue.c, sofia_glue_sip_cause_to_freeswitch. A cause that is not listed is a phone that could not be reached.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from esl_huntgroup.model.outcome import Outcome


class LegFate(enum.IntEnum):
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
    "NONE": LegFate.ANSWERED,
    # The invitation was pending when something else ended it: the phone was ringing.
    "LOSE_RACE": LegFate.RANG,
    "NO_ANSWER": LegFate.RANG,
    "ALLOTTED_TIMEOUT": LegFate.RANG,
    "PROGRESS_TIMEOUT": LegFate.RANG,
    "ORIGINATOR_CANCEL": LegFate.RANG,
    "PICKED_OFF": LegFate.RANG,
    "NORMAL_CLEARING": LegFate.RANG,
    UNKNOWN: LegFate.RANG,
    SHARED_CONTACT: LegFate.RANG,
    # The phone itself said no: 486 and 600, 603 and its kin, 480 (do not disturb on most phones), a redirection.
    "USER_BUSY": LegFate.REFUSED,
    "CALL_REJECTED": LegFate.REFUSED,
    "NO_USER_RESPONSE": LegFate.REFUSED,
    "UNWANTED": LegFate.REFUSED,
    "REQUESTED_CHAN_UNAVAIL": LegFate.REFUSED,
    LEG_LIMIT: LegFate.NEVER_SENT,
    CONTACT_REFUSED: LegFate.NEVER_SENT,
    NOT_REGISTERED: LegFate.NEVER_SENT,
    "": LegFate.NEVER_SENT,
}


def fate(cause: str) -> LegFate:
    """Return what a leg's hangup cause says about it."""
    return _FATES.get(cause, LegFate.UNREACHABLE)


def verdict(causes: Iterable[str]) -> Outcome:
    """
    Return how a hunt ended that nobody answered and the caller did not leave.

    FreeSWITCH's own ``originate_disposition`` is only the cause of the leg created first (switch_ivr_originate.c), so
    it is not asked. Phones that could not be reached count like phones that are not registered.
    """
    fates = {fate(cause) for cause in causes}
    if LegFate.RANG in fates or LegFate.ANSWERED in fates:
        return Outcome.NO_ANSWER
    if LegFate.REFUSED in fates:
        return Outcome.ALL_BUSY
    return Outcome.NOBODY_REGISTERED
