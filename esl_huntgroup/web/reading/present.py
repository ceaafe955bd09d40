"""
PURE: what became of a phone and of a caller, in words.

Each function takes ``_``, which says an English sentence in the language of the reader (``web.words.gettext``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import OverflowAction
from esl_huntgroup.model.hangup_causes import LegResult, leg_result
from esl_huntgroup.model.text import clean
from esl_huntgroup.web.reading.rows import Leg, Member

Say = Callable[[str], str]


def phone(leg: Leg, _: Say) -> str:
    """Return what became of a phone; empty where the reader is not told."""
    return _became(leg.cause, _, rang=leg.rang) if leg.is_told else ""


def member(it: Member, _: Say) -> str:
    """Return what became of a member who had no phone in the call; empty where the reader is not told."""
    if not it.is_told:
        return ""
    if it.cause == hangup_causes.SHARED_CONTACT:
        return _("rang for a colleague who shares the phone")
    if it.cause in ("", hangup_causes.NOT_REGISTERED) and not it.rang:
        return _("no phone was registered")
    return _became(it.cause, _, rang=it.rang)


def went_on(overflow: str, _: Say) -> str:
    """Return where the caller went, as ``Call.overflow`` has it; empty: nowhere."""
    action, _blank, target = overflow.partition(" ")
    shown = clean(target)
    match action:
        case "":
            return ""
        case OverflowAction.DIALPLAN.value:
            return _("went on in the dialplan of the telephone system")
        case OverflowAction.TRANSFER.value:
            return _("was transferred to %s") % shown
        case OverflowAction.RESPOND.value:
            return _("got the answer %s from the telephone system") % shown
    return clean(overflow)


def _became(cause: str, _: Say, *, rang: bool) -> str:
    match cause:
        case hangup_causes.LEG_LIMIT:
            return _("not called: too many phones in one call")
        case hangup_causes.CONTACT_REFUSED:
            return _("not called: its registration is not safe to dial")
        case hangup_causes.UNKNOWN:
            return _("rang; nobody knows what became of it")
    match leg_result(cause, rang=rang):
        case LegResult.ANSWERED:
            return _("answered")
        case LegResult.RANG:
            return _("rang")
        case LegResult.REFUSED if cause in _DECLINED:
            return _("declined")
        case LegResult.REFUSED:
            return _("busy")
        case LegResult.UNREACHABLE:
            return _("could not be reached")
    return _("not called")


_DECLINED: Final = frozenset({"CALL_REJECTED", "UNWANTED"})
