"""
PURE: what the switch has told of the legs of a call.

FreeSWITCH keeps on the caller's channel how each leg ended (``originate_causes``). That a phone rang it does not keep,
so each leg has an api command of its own (``api_on_ring``, ``api_on_pre_answer``) which notes it there. So whatever the
switch tells of the caller tells of all legs, and a call has no more events for more members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from esl_huntgroup.calls.ring_plan import RingPlan, attempt_of, is_leg_of
from esl_huntgroup.esl.wire import array
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.hangup_causes import LegEnd

RANG: Final = "huntgroup_rang_"
"""A variable of the caller's channel: this and the end of a leg's uuid; its value is the begin of that uuid."""

UNNAMED: Final = "NORMAL_UNSPECIFIED"
"""Stands for a cause that FreeSWITCH has no name for."""

UNEXPANDED: Final = "app_disable_expand_variables"
"""A variable of the caller's channel: its applications run with their arguments as they are."""

TRANSFERRED: Final = "ATTENDED_TRANSFER"
"""The cause of every leg of a caller whose place another channel has taken, but for the one that answered."""

Get = Callable[[str], str | None]


class LegReport(NamedTuple):
    """
    What is known of the legs: ``causes`` maps leg uuid to hangup cause (``NONE`` for the one that answered).

    ``rang`` are the uuids of those whose phone has said that it rings.
    """

    causes: Mapping[str, str] = {}
    rang: frozenset[str] = frozenset()

    def ends(self, plan: RingPlan, call_id: str) -> list[LegEnd]:
        """
        Return how each leg of the plan ended, in order.

        A leg of which the switch never told was never a channel.
        """
        causes, rang = self
        return [
            LegEnd(causes.get(uuid, hangup_causes.NEVER_CREATED), rang=uuid in rang) for uuid in plan.uuids(call_id)
        ]

    def completed(self, causes: Mapping[str, str]) -> LegReport:
        """Return the same, with these causes of legs of which the caller's channel says none."""
        return self._replace(causes={**causes, **self.causes}) if causes else self

    def answered_by(self, leg_uuid: str) -> LegReport:
        """Return the same, with this leg as the one that answered."""
        return self._replace(causes={**self.causes, leg_uuid: "NONE"})


NOTHING_TOLD: Final = LegReport()


def read_leg_report(get: Get, call_id: str, late: Sequence[str] = ()) -> LegReport:
    """
    Return what the caller's channel says of the legs of this call; ``get`` gives its values as events name them.

    ``late`` are the uuids of late phones, of which it says no cause, but whether they rang. A leg can stand in the list
    of causes twice, and the last word counts; those of other calls of the channel, and of an earlier attempt of this
    one (``RingPlan.attempt``), are left out. Raises nothing.
    """
    causes = _causes(get, call_id)
    last = max(map(attempt_of, causes), default=0)
    causes = {uuid: cause for uuid, cause in causes.items() if attempt_of(uuid) == last}
    return LegReport(causes, read_rang(get, (*causes, *late) if late else causes))


def read_transferred(get: Get, uuids: Sequence[str]) -> LegReport:
    """
    Return what is known of these legs of a caller whose place another channel has taken.

    Where somebody answered, FreeSWITCH tells who rang, and no causes (switch_ivr_originate.c, IDX_XFER).
    """
    told = _causes(get, uuids[0]) if uuids else {}
    return LegReport({uuid: told.get(uuid, TRANSFERRED) for uuid in uuids}, read_rang(get, uuids))


def _causes(get: Get, call_id: str) -> dict[str, str]:
    """
    Return leg uuid to cause of the legs of this call; the uuid of one of its legs names it as well.

    FreeSWITCH's own UNKNOWN, a cause that it has no name for (switch_channel_cause2str), is not ours of that name.
    """
    pairs = (item.partition(";") for item in array(get("variable_originate_causes")))
    return {
        uuid: UNNAMED if cause == hangup_causes.UNKNOWN else cause
        for uuid, _, cause in pairs
        if is_leg_of(call_id, uuid) and len(cause) <= hangup_causes.CAUSE_MAX_CHARS
    }


def read_rang(get: Get, uuids: Iterable[str]) -> frozenset[str]:
    """Return which of these legs have rung."""
    return frozenset([uuid for uuid in uuids if get(f"variable_{RANG}{uuid[-4:]}") == uuid[:-4]])


def ring_note(caller_uuid: str, begin: str, suffix: str) -> str:
    """
    Return the api command that notes on the caller's channel that the leg ``begin`` + ``suffix`` rings.

    Everything foreign has been dialled by then, so the same command gives the caller's dialplan its ``${variables}``
    back: whoever takes the caller away now, or whatever the switch does without us, finds them.
    """
    return f"uuid_setvar_multi {caller_uuid} {RANG}{suffix}={begin};{UNEXPANDED}="
