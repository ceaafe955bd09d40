"""The members of a group as its page shows them: who would ring now, and why not, by the switch or by the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from esl_huntgroup.calls.ring_plan import WhyNot
from esl_huntgroup.diagnostics.explanation import HARDPHONE_ONLY, Explanation, Part
from esl_huntgroup.web.pages.members import MemberNow
from esl_huntgroup.web.words import gettext as _


@dataclass(frozen=True, slots=True)
class Shown:
    """A member. ``rings`` is a word, ``reasons`` are texts with a place for the line that belongs to each."""

    position: int
    name: str
    rings: str
    reasons: tuple[tuple[str, str], ...]


def by_switch(told: Explanation) -> list[Shown]:
    """Return the members as a switch would ring them. Where their phones are is left out: that is not for leaders."""
    return [
        Shown(
            it.position,
            it.name,
            _("yes") if it.rings else _("no"),
            tuple(dict.fromkeys((_reason(part), part.line) for part in it.parts)),
        )
        for it in told.members
    ]


def by_database(members: Sequence[MemberNow], *, rings: bool) -> list[Shown]:
    """Return the members as far as the database knows; ``rings`` is whether the group rings anybody at all."""
    return [_known(it) if rings else Shown(it.position, it.name, _("no"), (_nobody(),)) for it in members]


def _known(it: MemberNow) -> Shown:
    if it.softphones:
        return Shown(it.position, it.name, _("if registered"), tuple(("%s", line) for line in it.softphones))
    why = _("has other phones, and no softphone") if it.other_lines else _("has no line")
    return Shown(it.position, it.name, _("no"), ((why, ""),))


def _nobody() -> tuple[str, str]:
    return _("the group rings nobody"), ""


def _reason(part: Part) -> str:
    if part.rings:
        return _("%s rings")
    match part.why:
        case WhyNot.NOT_REGISTERED:
            return _("%s is not registered")
        case WhyNot.NO_SOFTPHONE_LINE:
            return _("has no softphone")
        case WhyNot.CONTACT_REFUSED:
            return _("%s is registered in a way that is not safe to dial")
        case WhyNot.SHARED_CONTACT:
            return _("%s shares its phone with a colleague, for whom it rings")
        case WhyNot.LEG_LIMIT:
            return _("%s is one phone too many for one call")
    return _("has other phones, and no softphone") if part.why == HARDPHONE_ONLY else _("the group rings nobody")
