"""
One round of the feed: what has changed since the last one, and what that is to each open page.

It runs in a native thread, where it may wait for the database, and belongs to one. What it returns the feed hands to
the streams in the thread of the hub.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import peewee

from esl_huntgroup.journal.changes import Change, ChangeReader, from_now_on, since
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.live import audience, reading, sse
from esl_huntgroup.web.live.audience import Facts, View
from esl_huntgroup.web.live.positions import Position
from esl_huntgroup.web.live.stream import API, Stream
from esl_huntgroup.web.words import speaking

CHANGES_MAX: Final = 500
"""Changes that one round reads; more wait for the next."""
CATCH_UP_MAX: Final = 5000
"""Changes that are looked through for pages that come again; whoever has missed more begins anew."""
LOOKED_AT_MAX: Final = 500
"""Calls, of whomever, that are looked at for a page that comes again."""
MISSED_MAX: Final = 60
"""Calls that a page is told at once when it comes again; with more, it begins anew."""
SESSIONS_S: Final = 1.0
REMEMBERED_MAX: Final = 5000
"""Calls of which it is known who has seen them."""

RELOAD: Final = sse.event("reload")
"""Whoever gets it reads everything anew: the page, or the journal by the API."""

log = logging.getLogger(__name__)

Write = Callable[[View, int], str]
"""
Writes a call as a user sees it, in the language that is spoken.

On pages, who else sees the same (``audience.shared``) is sent the same text.
"""


class Guard(Protocol):
    """Who may see what. Called in the thread of the round; raises peewee's exceptions."""

    def rights(self, db: peewee.Database, user_ids: Collection[int]) -> Mapping[int, Access]:
        """Return the rights of these users, without those who do not exist. A fixed number of statements."""

    def in_order(self, db: peewee.Database, sessions: Collection[Hashable]) -> Collection[Hashable]:
        """Return which of these sessions and tokens have not ended."""


@dataclass(slots=True)
class Told:
    """What a round has found: what is sent to whom, who is accepted, and who has to go."""

    position: Position
    pieces: dict[Stream, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    accepted: list[Stream] = field(default_factory=list)
    ended: list[Stream] = field(default_factory=list)
    events: int = 0
    oldest_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _News:
    """A call that has changed, and who is told: ``now`` sees it, ``gone`` does not any more."""

    call_id: str
    now: Mapping[int, View]
    gone: Collection[int]


class Rounds:
    """Goes round after round. ``forms`` has for each form of stream how a call is written."""

    def __init__(self, db: peewee.Database, guard: Guard, forms: Mapping[str, Write]) -> None:
        """Take what is asked. Reads nothing yet."""
        self._db = db
        self._guard = guard
        self._forms = forms
        self._reader: ChangeReader | None = None
        self._rights: dict[int, Access] = {}
        self._audit_id: int | None = None
        self._sessions_at = 0.0
        self._pending: dict[str, int] = {}
        self._seen_by: OrderedDict[str, frozenset[int]] = OrderedDict()

    def go(self, streams: Sequence[Stream]) -> Told:
        """Go one round for these streams. Raises peewee's exceptions; what was read by then is told later."""
        before = self._rights, self._audit_id, self._sessions_at
        try:
            return self._go(streams)
        except BaseException:
            self._rights, self._audit_id, self._sessions_at = before
            raise

    def skip(self) -> None:
        """Tell nobody of the changes that wait: to write them is a fault of this program."""
        self._pending.clear()

    def _go(self, streams: Sequence[Stream]) -> Told:
        self._read_changes()
        position = self._position()
        told = Told(position)
        streams = self._admit(streams, told)
        known = [stream for stream in streams if stream.is_accepted]
        behind = self._behind([stream for stream in streams if not stream.is_accepted], position, told)
        wanted = dict.fromkeys(self._pending if known else ())
        wanted |= dict.fromkeys(call_id for ids in behind.values() for call_id in ids)
        news = {it.call_id: it for it in self._news(wanted, streams)} if wanted else {}
        writer = _Writer(self._forms)
        if known:
            told.oldest_ms = min(self._pending.values(), default=None)
            by_user = _by_user(known)
            for call_id in self._pending:
                _tell(news[call_id], by_user, writer, told)
        for stream, ids in behind.items():
            self._catch_up(stream, [news[call_id] for call_id in ids], writer, told)
        self._pending.clear()
        return told

    # -- what has changed ---------------------------------------------------------------------------------------------

    def _read_changes(self) -> None:
        if self._reader is None:
            self._reader = from_now_on(self._db)
            return
        for change in self._reader.read(self._db, CHANGES_MAX):
            for call_id in change.call_ids:
                self._pending.setdefault(call_id, change.at_ms)

    def _position(self) -> Position:
        assert self._reader is not None
        return Position(self._reader.highest, self._reader.missing)

    def _behind(self, new: Sequence[Stream], position: Position, told: Told) -> dict[Stream, list[str]]:
        """Accept new streams; return which calls each has missed. Whoever has missed too much begins anew."""
        reachable, coming = position.highest - CATCH_UP_MAX, []
        for stream in new:
            after = stream.after
            if after is not None and after.highest > position.highest and stream.is_early():
                continue  # another web process has told this page what is not seen here yet
            told.accepted.append(stream)
            if after is None or after == position:
                continue
            if after.lowest < reachable or after.highest > position.highest:
                told.pieces[stream].append(RELOAD)
            else:
                coming.append((stream, after))
        if not coming:
            return {}
        changes = since(self._db, min(after.lowest for _, after in coming), CATCH_UP_MAX)
        oldest = reading.oldest_change(self._db) or position.highest + 1
        behind = {}
        for stream, after in coming:
            ids = _missed(changes, after, position)
            if after.lowest < oldest - 1 or len(ids) > LOOKED_AT_MAX:
                told.pieces[stream].append(RELOAD)
            elif ids:
                behind[stream] = ids
        return behind

    # -- who may see it -----------------------------------------------------------------------------------------------

    def _admit(self, streams: Sequence[Stream], told: Told) -> list[Stream]:
        """Return the streams of those who may still look, with their rights of now."""
        left = self._with_sessions(streams, told)
        audit_id = reading.newest_audit(self._db)
        has_changed = audit_id != self._audit_id
        users = {stream.user_id for stream in left}
        wanted = users if has_changed else users - self._rights.keys()
        if wanted:
            before, found = self._rights, dict(self._guard.rights(self._db, wanted))
            self._rights = found if has_changed else {**before, **found}
            _tell_changed(left, before, found, told)
        self._audit_id = audit_id
        if len(self._rights) > 2 * len(users) + 100:
            self._rights = {user_id: it for user_id, it in self._rights.items() if user_id in users}
        told.ended += [stream for stream in left if stream.user_id not in self._rights]
        return [stream for stream in left if stream.user_id in self._rights]

    def _with_sessions(self, streams: Sequence[Stream], told: Told) -> list[Stream]:
        """Return the streams of sessions that have not ended: all once in a while, new ones at once."""
        now = time.monotonic()
        is_time = now >= self._sessions_at + SESSIONS_S
        asked = {stream.session for stream in streams if is_time or not stream.is_accepted}
        ended: set[Hashable] = set()
        if asked:
            ended = asked - set(self._guard.in_order(self._db, asked))
        if is_time:
            self._sessions_at = now
        told.ended += [stream for stream in streams if stream.session in ended]
        return [stream for stream in streams if stream.session not in ended]

    # -- who is told what ---------------------------------------------------------------------------------------------

    def _news(self, call_ids: Collection[str], streams: Iterable[Stream]) -> list[_News]:
        users = {stream.user_id for stream in streams}
        leaders = audience.leaders_of(self._rights[user_id] for user_id in users)
        found = reading.calls(self._db, call_ids)
        return [self._news_of(call_id, found.get(call_id), users, leaders) for call_id in call_ids]

    def _news_of(
        self, call_id: str, facts: Facts | None, users: Collection[int], leaders: Mapping[int, Collection[int]]
    ) -> _News:
        before = self._seen_by.pop(call_id, frozenset())
        asked = before | audience.concerned(facts, leaders) if facts else before
        views = {}
        for user_id in asked.intersection(users) if facts else ():
            if facts and (view := audience.view(facts, self._rights[user_id])):
                views[user_id] = view
        self._seen_by[call_id] = frozenset(views)
        if len(self._seen_by) > REMEMBERED_MAX:
            self._seen_by.popitem(last=False)
        return _News(call_id, views, asked - views.keys())

    def _catch_up(self, stream: Stream, news: Sequence[_News], writer: _Writer, told: Told) -> None:
        if sum(stream.user_id in it.now for it in news) > MISSED_MAX:
            told.pieces[stream].append(RELOAD)
            return
        for it in news:
            _tell(it, {stream.user_id: [stream]}, writer, told)


class _Writer:
    """Writes each distinct view once, for all who see the same."""

    def __init__(self, forms: Mapping[str, Write]) -> None:
        self._forms = forms
        self._written: dict[tuple[str, str, View, int], bytes] = {}

    def call(self, stream: Stream, view: View) -> bytes:
        """Return the event; nothing for a call that cannot be written, which is a fault of this program."""
        key = (stream.form, stream.language, *_seen_alike(stream, view))
        if key not in self._written:
            try:
                with speaking(stream.language):
                    self._written[key] = sse.event("call", self._forms[stream.form](view, stream.user_id))
            except Exception:
                log.exception("live: the call %s cannot be shown; pages go on without it", view.row.call.call_id)
                self._written[key] = b""
        return self._written[key]


def _seen_alike(stream: Stream, view: View) -> tuple[View, int]:
    """Return what streams have in common that are sent the same text: for programs, each user's is his own."""
    return (view, stream.user_id) if stream.form == API else audience.shared(view, stream.user_id)


def _tell(news: _News, streams: Mapping[int, Sequence[Stream]], writer: _Writer, told: Told) -> None:
    for user_id, view in news.now.items():
        for stream in streams.get(user_id, ()):
            told.pieces[stream].append(writer.call(stream, view))
            told.events += 1
    for user_id in news.gone:
        for stream in streams.get(user_id, ()):
            told.pieces[stream].append(sse.event("gone", news.call_id))
            told.events += 1


def _tell_changed(
    streams: Iterable[Stream], before: Mapping[int, Access], now: Mapping[int, Access], told: Told
) -> None:
    """Have pages begin anew whose user may see more or less than before."""
    changed = {user_id for user_id in now.keys() & before.keys() if now[user_id] != before[user_id]}
    for stream in streams:
        if stream.is_accepted and stream.user_id in changed:
            told.pieces[stream].append(RELOAD)


def _by_user(streams: Iterable[Stream]) -> dict[int, list[Stream]]:
    found: dict[int, list[Stream]] = defaultdict(list)
    for stream in streams:
        found[stream.user_id].append(stream)
    return found


def _missed(changes: Iterable[Change], after: Position, position: Position) -> list[str]:
    """Return the calls of the changes that lie between two positions, each once, oldest first."""
    between = (it for it in changes if position.has(it.id) and not after.has(it.id))
    return list(dict.fromkeys(call_id for change in between for call_id in change.call_ids))
