"""PURE: a registrar for each domain: divides the lines among them, and puts together what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.lookups import Answer, LookUp
from esl_huntgroup.registrars.registrar import Destination, Registrar
from esl_huntgroup.registrars.registrations import Registration

T = TypeVar("T")


@dataclass(frozen=True)
class ByDomain:
    """Domain and registrar of each, and ``other``, the registrar of all other domains."""

    domains: tuple[tuple[str, Registrar], ...]
    other: Registrar = FREESWITCH

    def of(self, line: Line) -> Registrar:
        """Return the registrar of a line."""
        return next((registrar for domain, registrar in self.domains if domain == line.domain), self.other)

    def name(self, line: Line) -> str:
        """Return how people call the registrar of this line."""
        return self.of(line).name(line)

    def questions(self, lines: Sequence[Line], marker: str) -> list[str]:
        """Return the questions of every registrar to the switch, one registrar after the other."""
        return [it for registrar, some in self._parts(lines) for it in registrar.questions(some, marker)]

    def lookups(self, lines: Sequence[Line]) -> list[LookUp]:
        """Return the look-ups of every registrar."""
        return [it for registrar, some in self._parts(lines) for it in registrar.lookups(some)]

    def contacts(
        self, lines: Sequence[Line], answers: Sequence[bytes], marker: str, told: Sequence[Answer] = ()
    ) -> dict[Line, Contacts]:
        """Return the contacts of each line, in the order of the lines."""
        found: dict[Line, Contacts] = {}
        own_answers, own_told = iter(answers), iter(told)
        for registrar, some in self._parts(lines):
            mine = _next(own_answers, len(registrar.questions(some, marker)))
            found |= registrar.contacts(some, mine, marker, _next(own_told, len(registrar.lookups(some))))
        return {line: found[line] for line in lines}

    def destination(self, line: Line, contact: str) -> Destination:
        """Return how the registrar of this line has it dialled."""
        return self.of(line).destination(line, contact)

    def further_questions(self, contacts: Mapping[Line, Contacts]) -> list[str]:
        """Return the further questions of every registrar."""
        return [
            it for registrar, some in self._parts(contacts) for it in registrar.further_questions(_of(contacts, some))
        ]

    def registrations(
        self, contacts: Mapping[Line, Contacts], answers: Sequence[bytes], told: Sequence[Answer] = ()
    ) -> dict[str, Registration]:
        """Return what every registrar knows of its contacts."""
        found: dict[str, Registration] = {}
        own_answers, own_told = iter(answers), iter(told)
        for registrar, some in self._parts(contacts):
            own = _of(contacts, some)
            mine = _next(own_answers, len(registrar.further_questions(own)))
            found |= registrar.registrations(own, mine, _next(own_told, len(registrar.lookups(some))))
        return found

    def _parts(self, lines: Sequence[Line] | Mapping[Line, Contacts]) -> list[tuple[Registrar, tuple[Line, ...]]]:
        """Return each registrar that has any of the lines, with those, in an order that is always the same."""
        parts: dict[Registrar, list[Line]] = {}
        for line in lines:
            parts.setdefault(self.of(line), []).append(line)
        return [(registrar, tuple(some)) for registrar, some in parts.items()]


def _next(items: Iterator[T], count: int) -> list[T]:
    return [next(items) for _ in range(count)]


def _of(contacts: Mapping[Line, Contacts], lines: Sequence[Line]) -> dict[Line, Contacts]:
    return {line: contacts[line] for line in lines}
