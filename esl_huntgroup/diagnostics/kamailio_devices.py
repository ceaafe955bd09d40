"""Asks Kamailio for phones that are registered with the number of a group: nobody can call those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.model.group import Line
from esl_huntgroup.model.text import clean, counted
from esl_huntgroup.registrars.chosen import client_of, registrar_of
from esl_huntgroup.registrars.device import in_words
from esl_huntgroup.registrars.registrar import Registrar
from esl_huntgroup.settings import Settings

AT_ONCE_MAX: Final = 50
"""Numbers in one write: as many as a big group has lines."""


def registered_numbers(settings: Settings, numbers: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """
    Say which group numbers are accounts at Kamailio, too; ``numbers`` has those of each domain.

    What cannot be asked for is left out. Raises nothing.
    """
    registrar = registrar_of(settings)
    every = [Line(number, domain, number) for domain in sorted(numbers) for number in numbers[domain]]
    by_name: dict[str, list[Line]] = {}
    for line in every:
        if registrar.lookups([line]):
            by_name.setdefault(registrar.name(line), []).append(line)
    for name, lines in by_name.items():
        yield from _ask(settings, registrar, name, lines)


def _ask(settings: Settings, registrar: Registrar, name: str, lines: Sequence[Line]) -> Iterator[Finding]:
    client = client_of(settings)
    found: list[Finding] = []
    try:
        for start in range(0, len(lines), AT_ONCE_MAX):
            some = lines[start : start + AT_ONCE_MAX]
            told = registrar.contacts(some, (), "", client.ask(registrar.lookups(some)).answers())
            if fault := next((it.fault for it in told.values() if it.fault), ""):
                yield wrong(f"numbers: {name} does not tell who is registered: {fault}")
                return
            found += [
                wrong(
                    f"numbers: {line.address}, the number of a group, is registered at {name} by "
                    f"{clean(in_words(contact))}: give that phone another account"
                )
                for line, contacts in told.items()
                for contact in contacts.dialable
            ]
    finally:
        client.stop()
    yield from found or [right(f"numbers: {counted(len(lines), 'group number')} without a phone at {name}")]
