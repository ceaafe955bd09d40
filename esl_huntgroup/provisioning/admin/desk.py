"""
How every change is made: checked, written and put into the audit in one transaction, or not at all.

A change is a generator over ``Desk`` that reads, refuses with InputError, writes, and yields what it has changed. A dry
run is the same work in a transaction that is taken back, so what it says is what the database itself has accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import peewee

from esl_huntgroup.db.engine import (
    database_errors,
    dialect,
    execute,
    insert_rows,
    is_refusal,
    one_line,
    quoted,
    update_sql,
)
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import HuntMode
from esl_huntgroup.model.numbers import normal_domain
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.admin.reading import rows
from esl_huntgroup.provisioning.change import Change

OFFERED = (HuntMode.DISABLED.value, HuntMode.SOFTPHONE.value)


@dataclass(frozen=True, slots=True)
class Desk:
    """The database, and what of the settings decides about a change."""

    db: peewee.Database
    default_domain: str = ""
    hunt_modes: Sequence[str] = OFFERED

    def domain(self, given: str | None, what: str) -> str:
        """Return the domain that is given, or the default. Raises InputError where there is neither."""
        if given is not None:
            return normal_domain(given)
        if not self.default_domain:
            raise InputError(f"{what} has no domain: give --domain or set default_domain")
        return self.default_domain

    def user_id(self, name: str) -> int:
        """Return the id of the user. Raises InputError when there is none."""
        return self._id("users", "user", name)

    def group_id(self, name: str) -> int:
        """
        Return the id of the group. Raises InputError when there is none.

        Within a change the group is locked, so that of two changes of one group the second sees what the first did.
        """
        return self._id("groups", "group", name, self._lock())

    def lock_groups(self) -> None:
        """Let no other change of any group begin until this one is done."""
        rows(self.db, f'SELECT id FROM "groups" ORDER BY id{self._lock()}')

    def require_service(self, name: str) -> None:
        """Raise InputError unless there is this service."""
        if not rows(self.db, "SELECT 1 FROM services WHERE name = ?", name):
            raise unknown("service", name)

    def require_free(self, domain: str, number: str, what: str) -> None:
        """Raise InputError with the owner's name when the number is somebody's. ``what`` begins the sentence."""
        found = rows(
            self.db, "SELECT u.name, g.name FROM numbers n"
            " LEFT JOIN \"lines\" l ON n.owner_kind = 'line' AND l.id = n.owner_id"
            " LEFT JOIN users u ON u.id = l.user_id"
            " LEFT JOIN \"groups\" g ON n.owner_kind = 'group' AND g.id = n.owner_id"
            " WHERE n.domain = ? AND n.number = ?", domain, number
        )  # fmt: skip
        if found:
            ((user, group),) = found
            owner = f"a line of user {user!r}" if group is None else f"the number of group {group!r}"
            raise InputError(f"{what} {number}, it is {owner}: a free number is accepted")

    def insert(self, table: str, **values: object) -> None:
        """Add one row."""
        insert_rows(self.db, table, tuple(values), [tuple(values.values())])

    def update(self, table: str, key: Mapping[str, object], values: Mapping[str, object]) -> None:
        """Change the columns of the row with this key; without columns, nothing."""
        if values:
            sql = update_sql(self.db, table, tuple(values), tuple(key))
            execute(self.db, sql, (*values.values(), *key.values()))

    def delete(self, table: str, **key: object) -> None:
        """Remove the rows with these values."""
        conditions = " AND ".join(f"{quoted(self.db, column)} = {self.db.param}" for column in key)
        execute(self.db, f"DELETE FROM {quoted(self.db, table)} WHERE {conditions}", tuple(key.values()))

    def _lock(self) -> str:
        """Return the lock of a row within a transaction; on SQLite a transaction that writes is alone anyway."""
        is_needed = self.db.in_transaction() and dialect(self.db) != "sqlite"
        return " FOR UPDATE" if is_needed else ""

    def _id(self, table: str, kind: str, name: str, lock: str = "") -> int:
        found = rows(self.db, f'SELECT id FROM "{table}" WHERE name = ?{lock}', name)
        if not found:
            raise unknown(kind, name)
        return int(found[0][0])


Work = Callable[[Desk], Iterable[Change]]


class _TakenBack(Exception):
    """Ends a transaction that is to leave nothing."""


def unknown(kind: str, name: str) -> InputError:
    """Return the refusal of a name that nothing of this kind has."""
    return InputError(f"there is no {kind} {name!r}: a name that `esl-huntgroup {kind} list` shows is accepted")


def exists(kind: str, name: str) -> InputError:
    """Return the refusal of a name that something of this kind has already."""
    return InputError(f"there is a {kind} {name!r} already: a new name is accepted")


def perform(desk: Desk, who: str, work: Work, *, is_dry_run: bool = False) -> list[Change]:
    """
    Do the work and return what has changed, or, in a dry run, what would change.

    Raises InputError when it is refused, also when somebody else was faster in the same moment, and DatabaseError.
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
    """Somebody else was faster: now the checks see it too. Raises InputError with the sentence that says so."""
    try:
        _transaction(desk, who, work, is_dry_run=True)
    except peewee.DatabaseError as error:
        if not is_refusal(error):
            raise


def _transaction(desk: Desk, who: str, work: Work, *, is_dry_run: bool) -> list[Change]:
    changes: list[Change] = []
    try:
        with desk.db.atomic():
            changes += (change for change in work(desk) if change.before != change.after)
            audit.record(desk.db, who, *changes)
            if is_dry_run:
                raise _TakenBack
    except _TakenBack:
        pass
    return changes
