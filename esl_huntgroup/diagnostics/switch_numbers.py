"""The numbers of the database, and what the switch knows: its configuration, from itself or from its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import peewee

from esl_huntgroup.db.engine import database_errors, execute, quoted
from esl_huntgroup.diagnostics.number_check import (
    NumberFinding,
    Owned,
    dialplan_findings,
    directory_findings,
    gateway_findings,
)
from esl_huntgroup.errors import InputError, SwitchError
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.fsxml.elements import Element, parse_fsxml
from esl_huntgroup.fsxml.files import read_fsxml
from esl_huntgroup.model.text import counted
from esl_huntgroup.settings import Address, Settings

NOTHING = "can't find anything"
"""What ``xml_locate`` answers where there is no such section."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Parts of the switch's configuration; None for one that is not to be compared. ``switch`` is which of several."""

    directory: Element | None
    dialplan: Element | None
    gateways: tuple[Element, ...]
    switch: str = ""


def of_files(directory: Path | None, dialplan: Path | None) -> Sources:
    """Return what files or folders hold; gateways are looked for in both. Raises InputError."""
    users = read_fsxml(directory) if directory else None
    extensions = read_fsxml(dialplan) if dialplan else None
    return Sources(users, extensions, tuple(filter(None, (users, extensions))))


def of_switches(settings: Settings) -> Iterator[Sources | SwitchError]:
    """
    Ask each switch; yield what it has, or why it did not answer.

    What a switch gets from elsewhere only when it needs it (mod_xml_curl) is not in the answer. Raises InputError where
    no switch is set.
    """
    if not settings.esl_address:
        raise InputError(
            "there is nothing to compare with: esl_address is not set: HOST:PORT of the switch's event socket, "
            "or --directory-xml and --dialplan-xml are accepted"
        )
    for host, port in settings.esl_address:
        try:
            found = _of_switch((host, port), settings.esl_password)
        except SwitchError as error:
            yield error
        else:
            yield replace(found, switch=f"{host} port {port}") if len(settings.esl_address) > 1 else found


def _of_switch(address: Address, password: str) -> Sources:
    with InboundSession(*address, password) as switch:
        directory = _located(switch, "directory")
        dialplan = _located(switch, "dialplan")
        sofia = _located(switch, "configuration configuration name sofia.conf")
    return Sources(directory, dialplan, (directory, sofia))


def _located(switch: InboundSession, what: str) -> Element:
    answer = switch.api(f"xml_locate {what}")
    return parse_fsxml("" if answer.startswith((NOTHING, "-ERR")) else answer, f"switch, {what.partition(' ')[0]}")


def compare(db: peewee.Database, sources: Sources) -> tuple[list[NumberFinding], str]:
    """Return what is to be done, and the sentence for when that is nothing. Takes two queries; raises DatabaseError."""
    groups, lines = _groups(db), _lines(db)
    found: list[NumberFinding] = []
    if sources.directory:
        found += directory_findings(groups, sources.directory)
    if sources.dialplan:
        found += dialplan_findings(groups, lines, sources.dialplan)
    for root in sources.gateways:
        found += gateway_findings(groups, lines, root)
    compared = [name for name in ("directory", "dialplan", "gateways") if getattr(sources, name)]
    numbers = f"{counted(len(groups), 'group number')} and {counted(len(lines), 'line')}"
    sentence = f"numbers: {numbers} without a conflict in {', '.join(compared)}"
    if sources.switch:
        found = [replace(it, sentence=f"at {sources.switch}: {it.sentence}") for it in found]
        sentence += f" at {sources.switch}"
    return list(dict.fromkeys(found)), sentence


def _groups(db: peewee.Database) -> list[Owned]:
    sql = f"SELECT domain, number, name FROM {quoted(db, 'groups')} WHERE number IS NOT NULL ORDER BY domain, number"
    with database_errors(db):
        return [Owned(domain, number, f"group {name!r}") for domain, number, name in execute(db, sql).fetchall()]


def _lines(db: peewee.Database) -> list[Owned]:
    sql = (
        f"SELECT l.domain, l.number, u.name FROM {quoted(db, 'lines')} l JOIN users u ON u.id = l.user_id "
        "ORDER BY l.domain, l.number"
    )
    with database_errors(db):
        rows = execute(db, sql).fetchall()
    return [Owned(domain, number, f"a line of user {name!r}") for domain, number, name in rows]
