"""
What a call to a group would do now, and why a phone did not ring: asked of the database, the journal and the switch.

A call rings the phones that are registered at its own switch: where there are several, each has its own answer.

The answer comes from the hunt itself. It is led through the beginning of a call (the group is looked up, the contacts
are asked for) exactly as a call leads it, and left where the phones would ring: nothing is written, nobody is called.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import peewee

from esl_huntgroup.calls.directory import find_group
from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.hunt_messages import (
    Command,
    ContactsKnown,
    Event,
    GroupFound,
    GroupUnknown,
    LookUp,
    Prepare,
)
from esl_huntgroup.calls.inbound_call import InboundCall, read_inbound_call
from esl_huntgroup.calls.ring_plan import CallIds
from esl_huntgroup.calls.seams import SEAMS, Seams
from esl_huntgroup.db import lookup
from esl_huntgroup.db.engine import database_errors, execute, quoted
from esl_huntgroup.diagnostics.explanation import Explanation, Handled, of_hunt
from esl_huntgroup.diagnostics.past_call import PastCall, PastEntry, PastLeg, explain_past
from esl_huntgroup.errors import InputError, SwitchError
from esl_huntgroup.journal.query import short_ids
from esl_huntgroup.model.call_ids import is_call_id, is_short
from esl_huntgroup.model.call_state import call_state
from esl_huntgroup.model.group import HuntGroup, Line, LineKind
from esl_huntgroup.model.numbers import normal_account, normal_domain
from esl_huntgroup.model.outcome import EntryKind, How, Outcome
from esl_huntgroup.registrars.ask import ask
from esl_huntgroup.registrars.chosen import client_of
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.registrar import Registrar
from esl_huntgroup.registrars.registrations import Registration
from esl_huntgroup.settings import Address, Settings

NO_SWITCH: Final = (
    "the switch has to be asked who is registered, but esl_address is not set: "
    "HOST:PORT of its event socket is accepted (and its password in esl_password)"
)
AT_ONCE_MS: Final = 0
"""In a dry run no time passes, and no watchdog waits."""


def explain(
    db: peewee.Database, settings: Settings, what: str, caller: str = "", *, seams: Seams = SEAMS
) -> Iterator[Explanation]:
    """
    Yield the explanation of a call of the journal, or, for each switch, of what a call to a group would do there now.

    ``what`` is the id of a call, whole or short, or a group's name, NUMBER or NUMBER@DOMAIN; ``caller`` is
    ACCOUNT@DOMAIN of the line that would call. A call rings the phones that are registered at its own switch, so that
    each switch has its own answer. ``seams`` are those of the service's calls.
    Raises InputError and DatabaseError, and SwitchError at the end, with a line for each switch that did not answer.
    """
    past = _call_meant(db, what)
    if past is not None:
        yield _explain_call(db, settings, past, seams)
        return
    domain, number = _group_key(db, what, settings.default_domain)
    yield from _explain_group(db, settings, _inbound(domain, number, caller), seams)


def lines_of_group(db: peewee.Database, what: str, default_domain: str) -> list[str]:
    """
    Return the softphone lines, ACCOUNT@DOMAIN, of a group's members; ``what`` is its name, NUMBER or NUMBER@DOMAIN.

    Raises InputError and DatabaseError.
    """
    with database_errors(db):
        is_call = _call_meant(db, what) is not None
    if is_call:
        raise InputError(f"{what!r} is a call, and what became of it changes no more: a group is accepted")
    group = find_group(db, *_group_key(db, what, default_domain))
    return [line.address for member in group.members for line in member.lines] if group else []


def _call_meant(db: peewee.Database, what: str) -> PastCall | None:
    """Return the call with this id, whole or short; a group of the same name comes before a short one."""
    text = what.lower()
    with database_errors(db):
        if is_call_id(text):
            return _past_call(db, text)
        if not is_short(text) or lookup.groups(db, what):
            return None
    found = short_ids(db, text)
    if len(found) > 1:
        raise InputError(f"{what!r} is the short id of more than one call: one of {', '.join(found)} is accepted")
    with database_errors(db):
        return _past_call(db, found[0]) if found else None


# -- a group ----------------------------------------------------------------------------------------------------------


def _explain_group(
    db: peewee.Database, settings: Settings, inbound: InboundCall, seams: Seams
) -> Iterator[Explanation]:
    failures = []
    for address in settings.esl_address or (None,):
        run = DryRun(db, settings, address, seams)
        try:
            hunt = run.lead(inbound)
        except SwitchError as error:
            failures.append(str(error))
            continue
        told = _told(db, hunt, inbound, run.known, seams.registrar)
        if hunt.outcome is Outcome.GROUP_DISABLED:  # no switch was asked, and all of them would do the same
            yield told
            return
        yield replace(told, switch=_shown(address)) if len(settings.esl_address) > 1 else told
    if failures:
        raise SwitchError("\n".join(failures))


def _told(
    db: peewee.Database, hunt: Hunt, inbound: InboundCall, known: Mapping[str, Registration], registrar: Registrar
) -> Explanation:
    if hunt.group is None:
        raise InputError(f"there is no group with the number {inbound.number}@{inbound.domain} any more: ask again")
    return of_hunt(hunt, hunt.group, known, _hardphones(db, hunt.group), registrar.name)


class DryRun:
    """
    A call that is led as far as the moment in which its phones would ring, at the switch of one address.

    ``known`` is what is known of each contact, once it has been led there.
    """

    def __init__(self, db: peewee.Database, settings: Settings, address: Address | None, seams: Seams = SEAMS) -> None:
        """Note whom to ask."""
        self._db, self._settings, self._address, self._seams = db, settings, address, seams
        self.known: Mapping[str, Registration] = {}

    def lead(self, inbound: InboundCall) -> Hunt:
        """Return the hunt for this caller. Raises InputError, DatabaseError and SwitchError."""
        call_id = CallIds().next(int(time.time() * 1000), os.urandom(6))
        hunt = Hunt(call_id, inbound, self._settings.leg_limit, seams=self._seams)
        commands = hunt.begin()
        while (event := self._follow(commands)) is not None:
            commands = hunt.receive(event)
        return hunt

    def _follow(self, commands: Iterable[Command]) -> Event | None:
        """Carry out those commands that only ask; return what came of it, None when the others come."""
        for what in commands:
            match what:
                case LookUp(domain, number):
                    group = find_group(self._db, domain, number)
                    return GroupFound(group, AT_ONCE_MS) if group else GroupUnknown(AT_ONCE_MS)
                case Prepare(_, lines):
                    if self._address is None:
                        raise InputError(NO_SWITCH)
                    contacts, self.known = _ask(self._seams.registrar, self._settings, self._address, lines)
                    return ContactsKnown(contacts, AT_ONCE_MS)
        return None


def _inbound(domain: str, number: str, caller: str) -> InboundCall:
    """Return the arrival of a caller whom the dialplan has handed over as it should."""
    data = {"Socket-Mode": "async", "Control": "full", "Caller-Destination-Number": number}
    data["variable_huntgroup_domain"] = domain
    if caller:
        account, at, host = caller.rpartition("@")
        if not at:
            raise InputError(f"{caller!r} is not the address of a line: ACCOUNT@DOMAIN is accepted")
        data |= {"variable_user_name": normal_account(account), "variable_domain_name": normal_domain(host)}
    return read_inbound_call(data.get, domain)


def _group_key(db: peewee.Database, what: str, default_domain: str) -> tuple[str, str]:
    """Return domain and number of a group. Raises InputError where there is none, or more than one."""
    with database_errors(db):
        found = lookup.groups(db, what)
    if len(found) > 1:
        found = [group for group in found if group.domain == default_domain] or found
    if not found:
        raise InputError(f"there is no group {what!r}: a name, NUMBER, NUMBER@DOMAIN or the id of a call is accepted")
    if len(found) > 1:
        raise lookup.more_than_one(what, found)
    (group,) = found
    if group.number is None:
        raise InputError(
            f"group {group.name!r} has no group number, so nobody can call it: a group with a number is accepted"
        )
    return group.domain, group.number


def _hardphones(db: peewee.Database, group: HuntGroup) -> dict[int, list[str]]:
    """Return user id → hardphone lines of the members, in one query."""
    sql = (
        f"SELECT l.user_id, l.number FROM {quoted(db, 'lines')} l JOIN members m ON m.user_id = l.user_id "
        f"WHERE m.group_id = {db.param} AND l.kind = {db.param} ORDER BY l.number"
    )
    found: dict[int, list[str]] = {}
    with database_errors(db):
        for user_id, number in execute(db, sql, (group.id, LineKind.HARDPHONE.value)).fetchall():
            found.setdefault(user_id, []).append(number)
    return found


def _shown(address: Address | None) -> str:
    return f"{address[0]} port {address[1]}" if address else ""


# -- a call of the journal --------------------------------------------------------------------------------------------


def _explain_call(db: peewee.Database, settings: Settings, call: PastCall, seams: Seams) -> Explanation:
    group = find_group(db, call.group_domain, call.group_number)
    members = group.members if group and group.id == call.group_id else ()
    known: dict[str, Registration] = {}
    unknown = ""
    for address in settings.esl_address:
        try:
            known |= _registered_now(seams.registrar, settings, address, call)
        except SwitchError as error:
            unknown += f"; who is registered today is not known: {error}"
    told = explain_past(call, members, known)
    return replace(told, heading=told.heading + unknown)


def _registered_now(
    registrar: Registrar, settings: Settings, address: Address, call: PastCall
) -> Mapping[str, Registration]:
    """Return what a switch knows today of the lines of a past call."""
    addresses = dict.fromkeys(leg.line for leg in call.legs)
    lines = [Line(account, domain, account) for account, _, domain in (it.rpartition("@") for it in addresses)]
    return _ask(registrar, settings, address, lines)[1]


def _ask(
    registrar: Registrar, settings: Settings, address: Address, lines: Sequence[Line]
) -> tuple[Mapping[Line, Contacts], Mapping[str, Registration]]:
    """Return who is registered for these lines, as ``ask`` does. Raises SwitchError."""
    kamailio = client_of(settings)
    try:
        return ask(registrar, address, settings.esl_password, lines, kamailio)
    finally:
        kamailio.stop()


_PAST_CALL: Final = """
SELECT c.group_id, c.group_name, c.group_number, c.group_domain, c.caller_name, c.caller_number, c.arrived_at_ms,
       c.outcome, c.overflow, c.answered_at_ms, g.ring_timeout_s
FROM calls c LEFT JOIN {1} g ON g.id = c.group_id WHERE c.call_id = {0}"""


def _past_call(db: peewee.Database, call_id: str) -> PastCall | None:
    """Return a call with its legs and entries, in three queries, or None where the journal has no such call."""
    row = execute(db, _PAST_CALL.format(db.param, quoted(db, "groups")), (call_id,)).fetchone()
    if row is None:
        return None
    *call, answered_at_ms, ring_timeout_s = row
    group_id, name, number, domain, caller_name, caller_number, arrived_at_ms, outcome, overflow = call
    columns = (
        f"user_id, line, contact, cause, rang FROM legs WHERE call_id = {db.param} ORDER BY {quoted(db, 'number')}"
    )
    legs = execute(db, f"SELECT {columns}", (call_id,)).fetchall()
    columns = "user_id, user_name, kind, rang, handled_at_ms, handled_by_name, handled_how"
    sql = f"SELECT {columns} FROM journal_entries WHERE call_id = {db.param} ORDER BY position"
    entries = execute(db, sql, (call_id,)).fetchall()
    return PastCall(
        call_id=call_id,
        group_id=group_id,
        group_name=name,
        group_number=number,
        group_domain=domain,
        caller=" ".join(dict.fromkeys(filter(None, (caller_name, caller_number)))),
        arrived_at=_iso(arrived_at_ms),
        outcome=outcome or "",
        state=call_state(
            is_over=outcome is not None,
            is_answered=answered_at_ms is not None,
            age_ms=int(time.time() * 1000) - arrived_at_ms,
            ring_timeout_s=ring_timeout_s,
        ),
        overflow=overflow,
        legs=tuple(PastLeg(who, line, where, cause, bool(rang)) for who, line, where, cause, rang in legs),
        entries=tuple(
            PastEntry(who, name, EntryKind(kind), bool(rang), _handled(*mark))
            for who, name, kind, rang, *mark in entries
        ),
    )


def _handled(at_ms: int | None, by_name: str | None, how: str | None) -> Handled | None:
    return None if at_ms is None or how is None else Handled(_iso(at_ms), by_name or "", How(how))


def _iso(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).isoformat(timespec="seconds")
