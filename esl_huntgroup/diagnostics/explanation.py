"""PURE: why a phone rings or does not, in words, of a hunt that is only thought through (see ``past_call`` too)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.ring_plan import Leg, NotRung, WhyNot
from esl_huntgroup.journal.view import handled_by
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.group import HuntGroup, Line
from esl_huntgroup.model.outcome import How, Outcome
from esl_huntgroup.model.text import clean, counted
from esl_huntgroup.registrars.contacts import why_refused
from esl_huntgroup.registrars.device import in_words
from esl_huntgroup.registrars.registrations import Registration

GROUP_OFF: Final = "group_off"
HARDPHONE_ONLY: Final = "hardphone_only"

Registrations = Mapping[str, Registration]
"""Contact → what else the switch knows of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """
    One device or line of a member, or the member as a whole: does it ring, and why not.

    ``why`` is a value of ``WhyNot``, one of the words above, a hangup cause, or empty for what rings; ``sentence`` says
    it to people. ``expires_in_s`` is None where the switch told nothing.
    """

    rings: bool
    why: str
    sentence: str
    line: str = ""
    contact: str = ""
    expires_in_s: int | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Handled:
    """When (ISO 8601, UTC), by whom and how a missed call was dealt with."""

    at: str
    by_name: str
    how: How

    @property
    def sentence(self) -> str:
        """The same for people."""
        return f"{handled_by(self.how, self.by_name)} at {self.at}"


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member with all its parts; it rings when one of them does. Of a call of the journal, who has ``handled`` it."""

    position: int
    name: str
    parts: tuple[Part, ...]
    handled: Handled | None = None

    @property
    def rings(self) -> bool:
        """Whether any phone of the member rings."""
        return any(part.rings for part in self.parts)


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    A group and its members. ``heading`` says what happens, or happened, to the caller as a whole.

    ``switch`` is where the call would arrive, empty where there is only one switch, or none was asked. ``outcome`` and
    ``state`` are those of a call of the journal; there is no ``state`` where nobody has called. ``is_handled_for_all``:
    ``heading`` says who has handled it, and not each member.
    """

    heading: str
    members: tuple[MemberView, ...]
    did: tuple[str, str] = ("rings", "does not ring")
    switch: str = ""
    outcome: str | None = None
    state: CallState | None = None
    is_handled_for_all: bool = False

    def sentences(self) -> list[str]:
        """Return the heading and one line for each member."""
        width = max(map(len, self.did))
        return [
            f"at {self.switch}: {self.heading}" if self.switch else self.heading,
            *(
                f"{self.did[not member.rings].ljust(width)}  {member.position} {clean(member.name)}: "
                + "; ".join([*(part.sentence for part in member.parts), *self._handled(member)])
                for member in self.members
            ),
        ]

    def _handled(self, member: MemberView) -> tuple[str, ...]:
        return () if member.handled is None or self.is_handled_for_all else (member.handled.sentence,)

    def as_dict(self) -> dict[str, Any]:
        """Return the same for programs."""
        is_past = self.state is not None
        members = [
            {"position": it.position, "name": it.name, "rings": it.rings, "parts": [asdict(part) for part in it.parts]}
            | ({"handled": asdict(it.handled) if it.handled else None} if is_past else {})
            for it in self.members
        ]
        call = {"outcome": self.outcome, "state": self.state} if is_past else {}
        return {"switch": self.switch, "heading": self.heading, **call, "members": members}


def of_hunt(
    hunt: Hunt,
    group: HuntGroup,
    known: Registrations,
    hardphones: Mapping[int, Sequence[str]],
    registrar_of: Callable[[Line], str] = lambda _: "",
) -> Explanation:
    """
    Return what a hunt would do now, after it has been told the contacts (or has not asked for them).

    ``hardphones`` are the hardphone lines of those members who have any, by user id; ``registrar_of`` names who has the
    registrations of a line, where that is not the switch.
    """
    legs, left_out = _by_user(hunt.plan.legs), _by_user(hunt.plan.not_rung)
    rings_for = {leg.contact: leg.member.name for leg in hunt.plan.legs}
    off = why_off(hunt, group)
    members = []
    for position, member in enumerate(group.members, start=1):
        parts = [_ringing(leg, known) for leg in legs.get(member.user_id, ())]
        for item in left_out.get(member.user_id, ()):
            at = registrar_of(item.line) if item.line else ""
            own = hardphones.get(member.user_id, ())
            parts.append(_silent(item, known, rings_for, own, legs=len(hunt.plan.legs), registrar=at))
        members.append(MemberView(position, member.name, tuple(parts) if not off else (Part(False, GROUP_OFF, off),)))
    ringing = sum(member.rings for member in members)
    after = f"{ringing} of {counted(len(members), 'member')} would ring" if not off else "nobody rings: " + off
    heading = f"group {clean(group.name)} ({group.number}@{group.domain}): {after}{_then(hunt)}"
    return Explanation(heading, tuple(members))


def why_off(hunt: Hunt, group: HuntGroup) -> str:
    """Return why a call to the group never gets as far as its members, empty when it does."""
    if hunt.outcome is not Outcome.GROUP_DISABLED:
        return ""
    return f"the group's hunt mode is {group.hunt_mode.value}" if group.is_active else "the group is not active"


def _then(hunt: Hunt) -> str:
    if hunt.outcome is None:
        return ""
    return f"; the caller would end as {hunt.outcome.value} and go to: {hunt.overflow}"


def _by_user(items: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for item in items:
        found.setdefault(item.member.user_id, []).append(item)
    return found


def _ringing(leg: Leg, known: Registrations) -> Part:
    sentence = f"{leg.line.address} at {in_words(leg.contact)}{validity(leg.contact, known)}"
    return part_of(sentence, "", leg.line.address, leg.contact, known, rings=True)


def _silent(
    item: NotRung,
    known: Registrations,
    rings_for: Mapping[str, str],
    hardphones: Sequence[str],
    *,
    legs: int,
    registrar: str,
) -> Part:
    line = item.line.address if item.line else ""
    contact = shown_contact(item.contact)
    valid = validity(item.contact, known)
    why: str = item.why.value
    match item.why:
        case WhyNot.NO_SOFTPHONE_LINE if hardphones:
            why, sentence = HARDPHONE_ONLY, f"has hardphone lines only ({', '.join(hardphones)})"
        case WhyNot.NO_SOFTPHONE_LINE:
            sentence = "has no softphone line"
        case WhyNot.NOT_REGISTERED:
            sentence = f"{line} is not registered" + (f" at {registrar}" if registrar else "")
        case WhyNot.HAS_TRANSFERRED:
            sentence = f"{line} has just transferred the caller here"
        case WhyNot.IS_THE_CALLER:
            sentence = f"{line} is the caller"
        case WhyNot.CONTACT_REFUSED:
            sentence = f"{line} has the contact {contact}, which is refused: {why_refused(item.contact)}{valid}"
        case WhyNot.SHARED_CONTACT:
            sentence = f"{line} has the contact {contact}, which rings for {clean(rings_for.get(item.contact, '?'))}"
        case WhyNot.LEG_LIMIT:
            sentence = f"{line} at {contact} is over the limit of {counted(legs, 'phone')} in one call{valid}"
    return part_of(sentence, why, line, item.contact, known)


def part_of(sentence: str, why: str, line: str, contact: str, known: Registrations, *, rings: bool = False) -> Part:
    """Return a part with what the switch knows of its contact."""
    registration = known.get(contact)
    expires_in_s, agent = (registration.expires_in_s, registration.agent) if registration else (None, "")
    return Part(rings, why, sentence, line, contact, expires_in_s, agent)


def validity(contact: str, known: Registrations) -> str:
    """Return where it is registered and how long that is good for, in brackets after a blank; empty where unknown."""
    registration = known.get(contact)
    if registration is None:
        return ""
    expires = "" if registration.expires_in_s is None else f"expires in {registration.expires_in_s} s"
    words = ", ".join(filter(None, (registration.where, expires)))
    return f" ({clean(words)})" if words else ""


def shown_contact(contact: str) -> str:
    """Return a phone's own text for people: nothing that a terminal obeys, and not without end."""
    words = in_words(contact)
    return clean(words if words != contact or len(words) <= 120 else words[:120] + "...")
