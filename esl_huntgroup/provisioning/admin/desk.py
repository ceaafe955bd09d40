"""
How commands change the configuration: each is a scope and an edit, made by ``transaction`` like every other change.

A command calls ``Desk.change`` once or several times within ``perform``, which is the transaction around it. A dry run
is the same work in a transaction that is taken back, so what it says is what the database itself has accepted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import peewee

from esl_huntgroup.db.engine import database_errors, fetch, is_refusal, one_line
from esl_huntgroup.db.tables import Group, User
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import HuntMode
from esl_huntgroup.model.numbers import normal_number, stored_domain
from esl_huntgroup.provisioning import audit, rules
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.model import Inventory, Key
from esl_huntgroup.provisioning.references import named
from esl_huntgroup.provisioning.shown import as_change, told
from esl_huntgroup.provisioning.store import Scope, read_inventory, read_owners
from esl_huntgroup.provisioning.transaction import alone, apply

_NAMES = ("users", "groups")
"""What is only another name; another number of a line is something that it may not have."""
OFFERED = (HuntMode.DISABLED.value, HuntMode.SOFTPHONE.value)


@dataclass(frozen=True, slots=True)
class Desk:
    """The database, and what of the settings decides about a change."""

    db: peewee.Database
    default_domain: str = ""
    hunt_modes: Sequence[str] = OFFERED

    def change(self, scope: Scope, edit: Callable[[Inventory], Inventory]) -> Sequence[Change]:
        """
        Edit what the scope holds, within the transaction of ``perform``; return what has changed.

        Whoever is named by what the edit has changed is read, too. Raises InputError with the first reason why it
        cannot be, and peewee's exceptions.
        """
        current = read_inventory(self.db, scope)
        wanted = edit(current)
        more = self._named(current.renamed_like(wanted, _NAMES), wanted).without(current)
        current, wanted = current.along_with(more), wanted.along_with(more)
        for problem in rules.problems(current.renamed_like(wanted, _NAMES), wanted, self.hunt_modes):
            raise InputError(problem.typed or problem.sentence)
        return [as_change(it) for it in apply(self.db, current, wanted)]

    def domain(self, given: str | None, what: str) -> str:
        """Return the domain that is given, or the default. Raises InputError where there is neither."""
        if given is not None:
            return stored_domain(given)
        if not self.default_domain:
            raise InputError(f"{what} has no domain: give --domain or set default_domain")
        return self.default_domain

    def line_key(self, number: str, domain: str | None) -> Key:
        """Return domain and number of a line in normal form. Raises InputError."""
        number = normal_number(number)
        return self.domain(domain, f"line {number}"), number

    def user_id(self, name: str) -> int:
        """Return the id of the user. Raises InputError when there is none."""
        return self._id(User, "user", name)

    def group_id(self, name: str) -> int:
        """Return the id of the group. Raises InputError when there is none."""
        return self._id(Group, "group", name)

    def _id(self, table: Any, kind: str, name: str) -> int:
        found = fetch(self.db, table.select(table.id).where(table.name == unicodedata.normalize("NFC", name)))
        if not found:
            raise unknown(kind, name)
        return int(found[0][0])

    def _named(self, current: Inventory, wanted: Inventory) -> Inventory:
        """Return the users and services that the change names, and who has the numbers that it wants."""
        names = named(current, wanted)
        found = read_inventory(self.db, Scope(services=names.services, users=names.users))
        return found.along_with(read_owners(self.db, names.numbers))


Work = Callable[[Desk], Iterable[Change]]


class _TakenBack(Exception):
    """Ends a transaction that is to leave nothing."""


def unknown(kind: str, name: str) -> InputError:
    """Return the refusal of a name that nothing of this kind has."""
    return InputError(rules.unknown(kind, name))


def perform(desk: Desk, who: str, work: Work, *, is_dry_run: bool = False) -> list[Change]:
    """
    Do the work and return what has changed, or, in a dry run, what would change.

    Raises InputError when it is refused, also when another program was faster in the same moment, and DatabaseError.
    Nothing has been changed then.
    """
    with database_errors(desk.db):
        try:
            return _transaction(desk, who, work, is_dry_run=is_dry_run)
        except peewee.DatabaseError as error:
            if not is_refusal(error):
                raise
            _look_again(desk, who, work)
            raise InputError(f"the database refuses the change: {one_line(error)}") from error


def _look_again(desk: Desk, who: str, work: Work) -> None:
    """Something else was faster: now the rules see it too. Raises InputError with the sentence that says so."""
    try:
        _transaction(desk, who, work, is_dry_run=True)
    except peewee.DatabaseError as error:
        if not is_refusal(error):
            raise


def _transaction(desk: Desk, who: str, work: Work, *, is_dry_run: bool) -> list[Change]:
    found: list[Change] = []
    try:
        with alone(desk.db):
            found += work(desk)
            audit.record(desk.db, who, *found)
            if is_dry_run:
                raise _TakenBack
    except _TakenBack:
        pass
    return told(found)
