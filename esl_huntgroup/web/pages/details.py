"""PURE: what became of every member and phone of a call, in the language spoken now."""

from __future__ import annotations

from dataclasses import dataclass

from esl_huntgroup.model.group import OverflowAction
from esl_huntgroup.model.hangup_causes import LegResult, leg_result
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.web.reading.rows import Call, Leg, Member
from esl_huntgroup.web.words import gettext as _


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: a member, or one phone of a member. ``line`` is empty where there is none, or none to be seen."""

    name: str
    line: str
    became: str


def shown(member: Member) -> list[Shown]:
    """Return a line for each phone of a member, or one that says why there is none."""
    if not member.legs:
        return [Shown(member.user_name, "", _without_phone(member))]
    return [
        Shown(member.user_name if number == 0 else "", leg.line, _became(leg)) for number, leg in enumerate(member.legs)
    ]


def went_on(call: Call) -> str:
    """Return where the caller went when nobody of the group answered; empty for nowhere."""
    action, _blank, target = call.overflow.partition(" ")
    match action:
        case OverflowAction.TRANSFER:
            return _("transferred to %s") % target.partition(" ")[0]
        case OverflowAction.RESPOND:
            return _("the caller got the answer %s") % target
        case OverflowAction.DIALPLAN:
            return _("back to the telephone system")
    return call.overflow


def _became(leg: Leg) -> str:
    if not leg.is_told:
        return _("not to be seen by you")
    return {
        LegResult.ANSWERED: _("answered"),
        LegResult.RANG: _("rang"),
        LegResult.REFUSED: _("busy or refused"),
        LegResult.UNREACHABLE: _("not reached"),
        LegResult.NEVER_SENT: _("not called"),
    }[leg_result(leg.cause, rang=leg.rang)]


def _without_phone(member: Member) -> str:
    if not member.is_told:
        return _("not to be seen by you")
    if member.entry is not None and member.entry.kind is EntryKind.ANSWERED:
        return _("answered")
    return _("rang") if member.rang else _("not registered")
