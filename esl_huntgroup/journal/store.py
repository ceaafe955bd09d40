"""
Journal records to rows: one transaction for all that is waiting, few statements, and nothing written twice.

Inserting a row that is already there does nothing, and an update sets what it would set again; so any record may be
written any number of times. The SQL is written once for each database: this is the one place of the package where
peewee's own query builder would cost more than everything else together.

Of one call two may tell: a service that died together with its switch comes back with its spool when a witness on
another host has closed the call as ``interrupted`` already. Whichever record comes first, who was there is believed.

Each transaction that writes something says which calls it has touched (``changes``).
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import peewee

from esl_huntgroup.db.engine import (
    execute,
    execute_many,
    insert_rows,
    is_refusal,
    marks,
    one_line,
    portions,
    quoted,
    update_sql,
)
from esl_huntgroup.db.tables import Call, JournalEntry, Leg
from esl_huntgroup.db.tables import OutgoingCall as OutgoingCallTable
from esl_huntgroup.journal import changes, kept_marks
from esl_huntgroup.journal.codec import is_well_formed
from esl_huntgroup.journal.records import (
    CallAnswered,
    CallEnded,
    CallMoved,
    CallOpened,
    CallRinging,
    EntryRecord,
    LegRecord,
    OutgoingCall,
    SpoolRecord,
)
from esl_huntgroup.model.outcome import SPOKEN, Outcome

Row = tuple[object, ...]

_KNOWN_MAX = 2048

_OPENED = (
    "call_id", "node", "channel_uuid", "group_id", "group_name", "group_number", "group_domain",
    "caller_number", "caller_name", "arrived_at_ms", "worker", "ringing",
)  # fmt: skip
_RINGING = ("ringing",)
_MOVED = ("channel_uuid", "caller_number", "caller_name")
_ANSWERED = ("answered_at_ms", "wait_ms", "answered_by_user_id", "answered_by_name")
_ENDED = ("ended_at_ms", "wait_ms", "talk_ms", "outcome", "cause", "overflow")
_LEG = ("call_id", "number", "user_id", "line", "contact", "cause", "rang")
_ENTRY = ("call_id", "position", "user_id", "user_name", "kind", "rang", "cause")
_ANSWERED_AFTER_ALL = (
    f"UPDATE calls SET outcome = '{Outcome.ANSWERED.value}', wait_ms = answered_at_ms - arrived_at_ms,"
    " talk_ms = CASE WHEN ended_at_ms > answered_at_ms THEN ended_at_ms - answered_at_ms ELSE 0 END,"
    " ended_at_ms = CASE WHEN ended_at_ms > answered_at_ms THEN ended_at_ms ELSE answered_at_ms END"
    f" WHERE outcome = '{Outcome.INTERRUPTED.value}' AND answered_at_ms IS NOT NULL AND call_id IN"
)
_OUTGOING = ("channel_uuid", "node", "line", "number", "answered_at_ms")


class Refused(Exception):
    """The database is well, and refuses these records. Nothing of them has been stored."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Ids that the database no longer has; rows are stored without them."""

    users: Collection[int | None] = frozenset()
    groups: Collection[int] = frozenset()


_NOBODY = Gone()


@dataclass(slots=True)
class _Rows:
    """What one transaction writes, in the order in which it does."""

    opened: list[Row] = field(default_factory=list)
    ringing: dict[str, str] = field(default_factory=dict)
    """What is to be written to calls that were opened before, by their ids."""
    moved: list[Row] = field(default_factory=list)
    answered: list[Row] = field(default_factory=list)
    ended: list[Row] = field(default_factory=list)
    legs: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    outgoing: list[Row] = field(default_factory=list)

    @property
    def call_ids(self) -> list[str]:
        """The ids of all calls of these rows."""
        ids = [str(row[0]) for row in self.opened]
        ids += self.ringing
        return ids + [str(row[-1]) for rows in (self.moved, self.answered, self.ended) for row in rows]

    @property
    def first_hand(self) -> list[str]:
        """The ids of calls that come with all that is to be known of their phones and members."""
        ended = [str(row[-1]) for row in self.ended if row[_ENDED.index("outcome")] not in SPOKEN]
        return [str(row[-1]) for row in self.answered] + ended

    def without_members(self, call_ids: Collection[str]) -> _Rows:
        """Return the same without the legs and entries of these calls."""
        legs, entries = ([row for row in rows if row[0] not in call_ids] for rows in (self.legs, self.entries))
        return replace(self, legs=legs, entries=entries)

    @classmethod
    def of(cls, records: Iterable[SpoolRecord], gone: Gone) -> _Rows:
        rows = cls()
        opened: dict[str, CallOpened] = {}  # no row may be met twice by one INSERT
        for record in records:
            match record:
                case CallOpened():
                    opened[record.call_id] = record
                case CallRinging(call_id, user_ids):
                    rows.ringing[call_id] = _list(user_ids)
                case CallMoved():
                    rows.moved.append(_moved_row(record))
                case CallAnswered():
                    rows.answered.append(_answered_row(record, gone))
                    rows.add_members(record, gone)
                case CallEnded():
                    rows.ended.append(_ended_row(record))
                    rows.add_members(record, gone)
                case OutgoingCall():
                    rows.outgoing.append(_outgoing_row(record))
        rows.opened = [_opened_row(call, gone, rows.ringing.pop(call.call_id, None)) for call in opened.values()]
        return rows

    def add_members(self, record: CallAnswered | CallEnded, gone: Gone) -> None:
        call_id, users = record.call_id, gone.users
        self.legs += [_leg_row(call_id, leg, users) for leg in record.legs]
        self.entries += [_entry_row(call_id, entry, users) for entry in record.entries]


class JournalStore:
    """Writes records to one database, from one thread. Of a record from a line, nothing needs to be true."""

    def __init__(self, db: peewee.Database) -> None:
        """Write the SQL for this database. Connects to nothing."""
        self._db = db
        self._update_ringing = update_sql(db, "calls", _RINGING, ("call_id",))
        self._update_moved = update_sql(db, "calls", _MOVED, ("call_id",))
        self._update_answered = update_sql(db, "calls", _ANSWERED, ("call_id",))
        self._update_ended = update_sql(db, "calls", _ENDED, ("call_id",))

    def write(self, records: Sequence[SpoolRecord], gone: Gone = _NOBODY) -> None:
        """
        Store the records in one transaction, all or none.

        Raises Refused when the database refuses one of them or has no row for a call that one of them tells more
        about, and peewee's exceptions when the database is out of order.
        """
        try:
            supposed = [record for record in records if _is_unseen(record)]
            told = [record for record in records if not _is_unseen(record)] if supposed else records
            rows, unseen = _Rows.of(told, gone), _Rows.of(supposed, gone)
            with self._db.atomic():
                self._write(rows)
                touched = rows.call_ids
                if unseen.ended:
                    touched += self._close(unseen)
                changes.note(self._db, touched)
        except peewee.PeeweeException as error:
            if is_refusal(error) or not all(map(is_well_formed, records)):
                raise Refused(one_line(error)) from error
            raise
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise Refused(f"a value that no column can hold: {error}") from error

    def gone(self, record: SpoolRecord) -> Gone:
        """Return which users and groups of the record no longer exist. Raises Refused and peewee's exceptions."""
        if not is_well_formed(record):
            raise Refused("not a journal record: a field holds what it cannot hold")
        if isinstance(record, CallOpened):
            return Gone(groups=self._missing("groups", {record.group_id}))
        if isinstance(record, CallMoved | CallRinging | OutgoingCall):
            return Gone()
        told: Iterable[LegRecord | EntryRecord] = (*record.legs, *record.entries)
        users = {row.user_id for row in told}
        if isinstance(record, CallAnswered) and record.answered_by_user_id is not None:
            users.add(record.answered_by_user_id)
        return Gone(users=self._missing("users", users))

    def _write(self, rows: _Rows) -> None:
        insert_rows(self._db, "calls", _OPENED, rows.opened, once=True, but="ringing")
        self._update(self._update_ringing, [(user_ids, call_id) for call_id, user_ids in rows.ringing.items()])
        self._update(self._update_moved, rows.moved)
        self._update(self._update_answered, rows.answered)
        interrupted = self._having(f"outcome = '{Outcome.INTERRUPTED.value}'", rows.first_hand)
        self._update(self._update_ended, rows.ended)
        kept = kept_marks.of(self._db, interrupted)
        if interrupted:
            self._forget_members(interrupted)
            self._believe_answers(interrupted)
        self._insert_members(rows)
        kept_marks.restore(self._db, kept)
        insert_rows(self._db, "outgoing_calls", _OUTGOING, rows.outgoing, once=True)

    def _close(self, unseen: _Rows) -> list[str]:
        """Write the ends that nobody has seen, as far as nobody knows better; return the calls that this touched."""
        call_ids = [str(row[-1]) for row in unseen.ended]
        ended = frozenset(self._having(f"outcome <> '{Outcome.INTERRUPTED.value}'", call_ids))
        self._update(self._update_ended, [row for row in unseen.ended if row[-1] not in ended])
        known = ended.union(self._having("answered_at_ms IS NOT NULL", call_ids))
        self._insert_members(unseen.without_members(known))
        self._believe_answers(call_ids)
        return [call_id for call_id in call_ids if call_id not in ended]

    def _insert_members(self, rows: _Rows) -> None:
        insert_rows(self._db, "legs", _LEG, rows.legs, once=True)
        insert_rows(self._db, "journal_entries", _ENTRY, rows.entries, once=True)

    def _update(self, sql: str, rows: Sequence[Row]) -> None:
        if execute_many(self._db, sql, rows) < len(rows):
            raise Refused("there is no call with this id in the database")

    def _having(self, condition: str, call_ids: Sequence[str]) -> list[str]:
        """Return which of these calls are in the database and fulfil the condition."""
        sql = f"SELECT call_id FROM calls WHERE {condition} AND call_id IN"
        return [row[0] for found in self._each(sql, call_ids) for row in found.fetchall()]

    def _forget_members(self, call_ids: Sequence[str]) -> None:
        """Remove what was only supposed of the phones and members of these calls."""
        for table in ("legs", "journal_entries"):
            self._each(f"DELETE FROM {table} WHERE call_id IN", call_ids)

    def _believe_answers(self, call_ids: Sequence[str]) -> None:
        """Let those of these calls be answered of which the answer is known, whoever has closed them."""
        self._each(_ANSWERED_AFTER_ALL, call_ids)

    def _each(self, sql: str, call_ids: Sequence[str]) -> list[Any]:
        """Run the statement with some of the ids behind it, until all have had their turn; return the cursors."""
        return [execute(self._db, f"{sql} ({marks(self._db, ids)})", tuple(ids)) for ids in portions(call_ids)]

    def _missing(self, table: str, ids: set[int]) -> set[int]:
        if not ids:
            return set()
        sql = f"SELECT id FROM {quoted(self._db, table)} WHERE id IN ({marks(self._db, ids)})"
        found = execute(self._db, sql, tuple(ids))
        return ids - {row[0] for row in found.fetchall()}


def _is_unseen(record: SpoolRecord) -> bool:
    """Return whether this is an end of which whoever tells it knows nothing."""
    return isinstance(record, CallEnded) and record.outcome == Outcome.INTERRUPTED


def _list(user_ids: Iterable[int]) -> str:
    return f"[{','.join(map(str, user_ids))}]"


def _opened_row(record: CallOpened, gone: Gone, ringing: str | None) -> Row:
    return (
        record.call_id,
        _fit(record.node, _CALL["node"]),
        _fit(record.channel_uuid, _CALL["channel_uuid"]),
        None if record.group_id in gone.groups else record.group_id,
        _fit(record.group_name, _CALL["group_name"]),
        _fit(record.group_number, _CALL["group_number"]),
        _fit(record.group_domain, _CALL["group_domain"]),
        _fit(record.caller_number, _CALL["caller_number"]),
        _fit(record.caller_name, _CALL["caller_name"]),
        record.arrived_at_ms,
        _fit(record.worker, _CALL["worker"]),
        ringing,
    )


def _moved_row(record: CallMoved) -> Row:
    return (
        _fit(record.channel_uuid, _CALL["channel_uuid"]),
        _fit(record.caller_number, _CALL["caller_number"]),
        _fit(record.caller_name, _CALL["caller_name"]),
        record.call_id,
    )


def _answered_row(record: CallAnswered, gone: Gone) -> Row:
    user_id = record.answered_by_user_id
    return (
        record.answered_at_ms,
        record.wait_ms,
        None if user_id in gone.users else user_id,
        _fit(record.answered_by_name, _CALL["answered_by_name"]),
        record.call_id,
    )


def _ended_row(record: CallEnded) -> Row:
    return (
        record.ended_at_ms,
        record.wait_ms,
        record.talk_ms,
        str(record.outcome),
        _fit(record.cause, _CALL["cause"]),
        _fit(record.overflow, _CALL["overflow"]),
        record.call_id,
    )


def _outgoing_row(record: OutgoingCall) -> Row:
    return (
        _fit(record.channel_uuid, _OUTGOING_CALL["channel_uuid"]),
        _fit(record.node, _OUTGOING_CALL["node"]),
        _fit(record.line, _OUTGOING_CALL["line"]),
        _fit(record.number, _OUTGOING_CALL["number"]),
        record.answered_at_ms,
    )


# A line and a user's name come from columns that are no longer than those they go to.


def _leg_row(call_id: str, leg: LegRecord, gone: Collection[int | None]) -> Row:
    number, user_id, line, contact, cause, rang = leg
    owner = None if user_id in gone else user_id
    return (
        call_id,
        number,
        owner,
        line,
        _fit_known(contact, _LEG_CONTACT_MAX),
        _fit_known(cause, _LEG_CAUSE_MAX),
        rang,
    )


def _entry_row(call_id: str, entry: EntryRecord, gone: Collection[int | None]) -> Row:
    position, user_id, user_name, kind, rang, cause = entry
    owner = None if user_id in gone else user_id
    return call_id, position, owner, user_name, str(kind), rang, _fit_known(cause, _ENTRY_CAUSE_MAX)


def _fit(text: str, chars_max: int) -> str:
    """Return the text as a column of this length can hold it: cut, without NUL and half characters."""
    if len(text) <= chars_max and text.isprintable():
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:chars_max]


_fit_known = functools.lru_cache(_KNOWN_MAX)(_fit)
"""The same for what most calls repeat: causes, and where phones are."""


def _lengths(table: type[peewee.Model]) -> dict[str, int]:
    """Return how many characters each text column of the table holds."""
    columns = table._meta.columns
    return {name: column.max_length for name, column in columns.items() if isinstance(column, peewee.CharField)}


_CALL = _lengths(Call)
_OUTGOING_CALL = _lengths(OutgoingCallTable)
_LEG_CONTACT_MAX = _lengths(Leg)["contact"]
_LEG_CAUSE_MAX = _lengths(Leg)["cause"]
_ENTRY_CAUSE_MAX = _lengths(JournalEntry)["cause"]
