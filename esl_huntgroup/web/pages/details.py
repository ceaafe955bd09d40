"""What became of every member and phone of a call, line by line, in the language spoken now."""

from __future__ import annotations

from dataclasses import dataclass

from esl_huntgroup.web.reading import present
from esl_huntgroup.web.reading.rows import Member
from esl_huntgroup.web.words import gettext as _


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: a member, or one phone of a member. ``line`` is empty where there is none, or none to be seen."""

    name: str
    line: str
    became: str


def shown(member: Member) -> list[Shown]:
    """Return a line for each phone of a member, or one that says why there is none."""
    unseen = _("you may not see what became of it")
    if not member.legs:
        return [Shown(member.user_name, "", present.member(member, _) or unseen)]
    return [
        Shown(member.user_name if number == 0 else "", leg.line, present.phone(leg, _) or unseen)
        for number, leg in enumerate(member.legs)
    ]
