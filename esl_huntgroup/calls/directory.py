"""
From (domain, number) to a frozen HuntGroup: the queries, and the copy in memory that calls are answered from.

``find_group`` asks the database, in two queries whatever the size of the group. ``Directory`` is what a call asks. It
never waits longer than its deadline, and when the database is slow or gone it answers with the last copy it has seen:
a group that rang a minute ago still rings. Once the database has failed, no call that has a copy waits for it any more;
whether it is back is found out in the background.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import gevent
import gevent.event
import gevent.threadpool
import peewee

from esl_huntgroup.db import tables
from esl_huntgroup.db.engine import database_errors, dialect, drop_connection, execute, explain, fetch, open_database
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.model.group import HuntGroup, HuntMode, Line, LineKind, Member, Overflow, OverflowAction, Taker
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.model.permissions import Right, allows, effective
from esl_huntgroup.provisioning.rights import reasons_between

LOOKUP_THREADS = 2
"""One for the work, one more so that a single stuck connection does not stop every lookup."""
COPIES_MAX = 20_000
"""More groups than any installation known to us; a copy of ten members is about 3 kB."""
QUIET_AFTER_FAILURE_S = 1.0
"""While the database is down, it is asked again once in this time, without a call that waits."""
CLOSE_MAX_S = 1.0

log = logging.getLogger(__name__)

Key = tuple[str, str]
Answer = HuntGroup | None | DatabaseError
"""What a thread of the pool hands over; it would print an exception that it let out."""


def find_group(db: peewee.Database, domain: str, number: str) -> HuntGroup | None:
    """
    Return the group with this number in normal form, with members in position order, or None when there is none.

    A member without a softphone line is there, with no lines. Takes two queries (one when there is no such group).
    Raises DatabaseError.
    """
    with database_errors(db):
        return _find_group(db, domain, number)


def _find_group(db: peewee.Database, domain: str, number: str) -> HuntGroup | None:
    group_sql, members_sql = _sql(db)
    rows = execute(db, group_sql, (domain, number)).fetchall()
    if not rows:
        return None
    group_id, name, hunt_mode, ring_timeout_s, ringback, is_active, joinable, wait_for_phones, *_ = rows[0]
    members = execute(db, members_sql, (LineKind.SOFTPHONE.value, group_id)).fetchall()
    return HuntGroup(
        id=group_id,
        name=name,
        domain=domain,
        number=number,
        hunt_mode=HuntMode(hunt_mode) if is_active else HuntMode.DISABLED,
        ring_timeout_s=ring_timeout_s,
        ringback=ringback,
        members=_members(members),
        overflows={
            Outcome(outcome): Overflow(OverflowAction(action), target)
            for *_, outcome, action, target in rows
            if outcome is not None
        },
        is_active=bool(is_active),
        joinable=bool(joinable),
        wait_for_phones=bool(wait_for_phones),
    )


def _members(rows: Iterable[tuple[Any, ...]]) -> tuple[Member, ...]:
    """Gather the rows, one per line and in position order, into members."""
    return tuple(
        Member(user_id, name, tuple(_line(*line) for _, _, *line in lines if line[0] is not None))
        for (user_id, name), lines in itertools.groupby(rows, key=lambda row: row[:2])
    )


def _line(number: str, domain: str, account: str) -> Line:
    """Return a line; texts that many lines have are kept once, since every waiting call holds its group."""
    return Line(number, sys.intern(domain), number if account == number else account)


_texts: dict[str, tuple[str, str]] = {}


def _sql(db: peewee.Database) -> tuple[str, str]:
    """Return the text of both queries, written once: peewee takes longer to write them than SQLite to run them."""
    name = dialect(db)
    if name not in _texts:
        _texts[name] = (_text(db, _group_query()), _text(db, _members_query()))
    return _texts[name]


def _text(db: peewee.Database, query: peewee.Node) -> str:
    sql, _placeholders = db.get_sql_context().sql(query).query()  # type: ignore[no-untyped-call]
    return str(sql)


def _group_query() -> peewee.ModelSelect[tables.Group]:
    """Take (domain, number); give the group once for each of its overflows, once without any."""
    group, overflow = tables.Group, tables.Overflow
    return (
        group.select(
            group.id, group.name, group.hunt_mode, group.ring_timeout_s, group.ringback, group.is_active,
            group.joinable, group.wait_for_phones,
            overflow.outcome, overflow.action, overflow.target,
        )
        .join(overflow, peewee.JOIN.LEFT_OUTER)
        .where((group.domain == "") & (group.number == ""))
    )  # fmt: skip


def _members_query() -> peewee.ModelSelect[tables.Member]:
    """Take (line kind, group id); give each member once for each of its lines, once without any."""
    member, user, line = tables.Member, tables.User, tables.Line
    return (
        member.select(user.id, user.display_name, line.number, line.domain, line.account)
        .join(user)
        .join(line, peewee.JOIN.LEFT_OUTER, on=(line.user == user.id) & (line.kind == ""))
        .where(member.group == 0)
        .order_by(member.position, line.id)
    )


@dataclass(frozen=True, slots=True)
class _Copy:
    """A group as it was at a moment of the directory's clock."""

    group: HuntGroup
    at: float


class _TooSlow(Exception):
    """The database has not answered within the deadline."""


class Directory:
    """
    What a call asks for its group. Every method belongs to the thread of the gevent hub.

    A copy younger than ``max_age_s`` is the answer. Otherwise a native thread asks the database, and a call waits for
    it up to ``deadline_s``; calls for the same number wait for the same answer. ``clock`` counts seconds.
    """

    def __init__(
        self,
        open_db: Callable[[], peewee.Database] | str,
        *,
        max_age_s: float = 1.0,
        deadline_s: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        copies_max: int = COPIES_MAX,
    ) -> None:
        """Take the URL of the database, or what opens it. Connects to nothing."""
        self._db = open_database(open_db) if isinstance(open_db, str) else open_db()
        self._max_age_s = max_age_s
        self._deadline_s = deadline_s
        self._clock = clock
        self._copies_max = copies_max
        self._copies: OrderedDict[Key, _Copy] = OrderedDict()
        self._asked: dict[Key, gevent.event.AsyncResult[Answer]] = {}
        self._quiet_until = float("-inf")
        self._outage = False
        self._threads = gevent.threadpool.ThreadPool(LOOKUP_THREADS)

    def find(self, domain: str, number: str) -> HuntGroup | None:
        """
        Return the group with this number, or None when the database says that there is none.

        Waits at most ``deadline_s``, and not at all for a group with a copy while the database is down: the first call
        after an outage may still get its copy. Raises DatabaseError when the database gave no answer and there is none.
        """
        key = (domain, number)
        copy = self._copies.get(key)
        if copy is not None and (self._outage or self._clock() - copy.at < self._max_age_s):
            self._copies.move_to_end(key)
            if self._outage:
                self._look_whether_it_is_back(key)
            return copy.group
        try:
            return self._ask(key)
        except (DatabaseError, _TooSlow) as error:
            self._failed(str(error))
            if copy is None:
                raise DatabaseError(str(error)) from error
            return copy.group

    def user_at(self, address: str) -> Taker | None:
        """
        Return the user who has the line ``account@domain``; None if nobody has, or no answer comes in time.

        Waits at most ``deadline_s``.
        """
        with gevent.Timeout(self._deadline_s, exception=False):
            found: Taker | None = self._threads.spawn(_user_at, self._db, address).get()
            return found
        return None

    def line_at(self, domain: str, number: str) -> str:
        """
        Return ``account@domain`` of the line with this number; empty if there is none, or no answer comes in time.

        Waits at most ``deadline_s``.
        """
        with gevent.Timeout(self._deadline_s, exception=False):
            found: str = self._threads.spawn(_line_at, self._db, domain, number).get()
            return found
        return ""

    def may_pick_up(self, user_id: int, addresses: Collection[str]) -> frozenset[str]:
        """
        Return those of the lines ``account@domain`` at which the user may pick up what rings there.

        At none where no answer comes in time. Waits at most ``deadline_s``.
        """
        with gevent.Timeout(self._deadline_s, exception=False):
            found: frozenset[str] = self._threads.spawn(_may_pick_up, self._db, user_id, addresses).get()
            return found
        return frozenset()

    def _look_whether_it_is_back(self, key: Key) -> None:
        """Ask in a greenlet of its own, unless that was done a moment ago or is being done. Does not wait."""
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + self._deadline_s + QUIET_AFTER_FAILURE_S
            gevent.spawn(self._ask_again, key)

    def _ask_again(self, key: Key) -> None:
        try:
            self._ask(key)
        except (DatabaseError, _TooSlow) as error:
            self._failed(str(error))

    def close(self) -> None:
        """Close the connections and let the threads end. Waits at most CLOSE_MAX_S for a thread that is stuck."""
        all_here = threading.Barrier(LOOKUP_THREADS)
        with gevent.Timeout(CLOSE_MAX_S, exception=False):
            gevent.wait([self._threads.spawn(_hang_up, self._db, all_here) for _ in range(LOOKUP_THREADS)])
        self._threads.maxsize = 0

    def _ask(self, key: Key) -> HuntGroup | None:
        """Wait for the database. Raises DatabaseError, and _TooSlow at the deadline."""
        with gevent.Timeout(self._deadline_s, _TooSlow(f"the database took longer than {self._deadline_s} s")):
            answer: Answer = self._answer(key).get()
        if isinstance(answer, DatabaseError):
            raise answer
        self._recovered()
        return answer

    def _answer(self, key: Key) -> gevent.event.AsyncResult[Answer]:
        """Return what will hold the answer, asked for once however many calls want it."""
        if key not in self._asked:
            answer = self._threads.spawn(_query, self._db, *key)
            self._asked[key] = answer
            answer.rawlink(functools.partial(self._arrived, key))
        return self._asked[key]

    def _arrived(self, key: Key, answer: gevent.event.AsyncResult[Answer]) -> None:
        """Keep an answer, even one that comes after the deadline. Runs in the hub: must not wait."""
        self._asked.pop(key, None)
        if not answer.successful() or isinstance(answer.value, DatabaseError):
            return
        self._copies.pop(key, None)
        if answer.value is not None:
            self._copies[key] = _Copy(answer.value, self._clock())
            if len(self._copies) > self._copies_max:
                self._copies.popitem(last=False)

    def _failed(self, why: str) -> None:
        self._quiet_until = self._clock() + QUIET_AFTER_FAILURE_S
        if not self._outage:
            log.warning("groups are served from their last known copies: %s", why)
        self._outage = True

    def _recovered(self) -> None:
        self._quiet_until = float("-inf")
        if self._outage:
            log.warning("groups are read from the database again")
        self._outage = False


def _hang_up(db: peewee.Database, all_here: threading.Barrier) -> None:
    """Close the connection of one thread of the pool; the barrier keeps a thread from taking the turn of another."""
    with contextlib.suppress(threading.BrokenBarrierError):
        all_here.wait(CLOSE_MAX_S)
    drop_connection(db)


def _user_at(db: peewee.Database, address: str) -> Taker | None:
    """Ask in a thread of the pool; a database that fails knows nobody."""
    account, _, domain = address.partition("@")
    user, line = tables.User, tables.Line
    query = (
        user.select(user.id, user.display_name).join(line).where((line.account == account) & (line.domain == domain))
    )
    try:
        rows = execute(db, _text(db, query), (account, domain)).fetchall()
    except peewee.PeeweeException:
        drop_connection(db)
        return None
    return Taker(rows[0][1], rows[0][0]) if rows else None


def _line_at(db: peewee.Database, domain: str, number: str) -> str:
    """Ask in a thread of the pool; a database that fails knows no line."""
    line = tables.Line
    try:
        rows = fetch(db, line.select(line.account).where((line.domain == domain) & (line.number == number)))
    except peewee.PeeweeException:
        drop_connection(db)
        return ""
    return f"{rows[0][0]}@{domain}" if rows else ""


def _may_pick_up(db: peewee.Database, user_id: int, addresses: Collection[str]) -> frozenset[str]:
    """Ask in a thread of the pool; a database that fails gives no right."""
    try:
        return frozenset([address for address in addresses if _has_right(db, user_id, address)])
    except peewee.PeeweeException:
        drop_connection(db)
        return frozenset()


def _has_right(db: peewee.Database, user_id: int, address: str) -> bool:
    """Return whether a user may pick up at this line: the first of its user, or one of the others."""
    account, _, domain = address.partition("@")
    line = tables.Line
    owner = line.select(line.user).where((line.account == account) & (line.domain == domain))
    lines = fetch(db, line.select(line.user, line.account, line.domain).where(line.user.in_(owner)).order_by(line.id))
    if not lines:
        return False
    owner_id = lines[0][0]
    is_first = (account, domain) == lines[0][1:]
    right = Right.PICK_UP_FIRST_LINE if is_first else Right.PICK_UP_SECOND_LINE
    return bool(owner_id == user_id) or allows(effective(reasons_between(db, user_id, owner_id)), right)


def _query(db: peewee.Database, domain: str, number: str) -> Answer:
    """Ask in a thread of the pool; on a failure once more, as the connection may have died while it was idle."""
    try:
        return _find_group(db, domain, number)
    except peewee.PeeweeException:
        drop_connection(db)
    try:
        return _find_group(db, domain, number)
    except peewee.PeeweeException as error:
        drop_connection(db)
        return DatabaseError(explain(db, error))
