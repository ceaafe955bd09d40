"""
What one open page is sent: a queue of bounded length, which the page's own greenlet empties.

The feed puts into it and never waits. A reader who is slower than the calls loses the connection; the browser comes
again, and catches up from where it was.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final

from gevent.event import Event

from esl_huntgroup.web.live import sse
from esl_huntgroup.web.live.positions import Position

PAGE: Final = "page"
API: Final = "api"
"""The forms of streams: for the page, and for programs."""
HEARTBEAT_S: Final = 15.0
"""Below what proxies take for a dead connection; and how a page that is gone without a word is found out."""
QUEUE_MAX_BYTES: Final = 128 * 1024
STREAMS_MAX: Final = 2000
PER_USER_MAX: Final = 20
"""Pages that one person has open at one time, on all devices."""
TURNS_MAX: Final = 12
RETRY_MS: Final = (1000, 4000)
"""When a browser comes again: not all in one moment."""


class TooMany(Exception):
    """There are too many streams: of one user, or in all. The message says what to do."""

    def __init__(self, sentence: str, *, is_of_one: bool) -> None:
        """Note whose they are."""
        super().__init__(sentence)
        self.is_of_one = is_of_one


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who opens a stream, in which language, and the session or token that has to be in order as long as it goes on."""

    user_id: int
    language: str
    session: Hashable


class Stream:
    """
    One open page. Made in any thread; everything else belongs to the thread of the hub.

    ``form`` is how events are written (``page`` or ``api``), ``after`` how far the page has come; None: it begins now.
    """

    def __init__(self, streams: Streams, viewer: Viewer, form: str, after: Position | None) -> None:
        """Note who looks. It is nobody's yet."""
        self.user_id = viewer.user_id
        self.language = viewer.language
        self.session = viewer.session
        self.form = form
        self.after = after
        self.is_accepted = self.is_closed = self.is_overrun = False
        self._streams = streams
        self._wakes: Event | None = None
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._turns = 0
        self._position: Position | None = None

    def put(self, *pieces: bytes) -> None:
        """Have something sent; where too much waits, the page has to come again."""
        if self.is_closed:
            return
        self._bytes += sum(map(len, pieces))
        if self._bytes > QUEUE_MAX_BYTES:
            self.is_overrun = True
            self._pieces.clear()
            self.end()
            return
        self._pieces += pieces
        self._wake()

    def is_at(self, position: Position) -> None:
        """Note how far whoever reads all this has come."""
        self._position = position

    def is_early(self) -> bool:
        """Return whether one that is ahead of what is known here may wait for some more rounds."""
        self._turns += 1
        return self._turns < TURNS_MAX

    def end(self) -> None:
        """Send what waits, and nothing more."""
        self.is_closed = True
        self._wake()

    def close(self) -> None:
        """Let go of everything: whoever reads is gone."""
        self.end()
        self._pieces.clear()
        self._streams.leave(self)

    def __iter__(self) -> Iterator[bytes]:
        """Give what is sent, until the end."""
        self._wakes = wakes = Event()
        self._streams.join(self)
        told: Position | None = None
        yield sse.head(random.randint(*RETRY_MS))
        try:
            while True:
                if self._pieces:
                    data = b"".join(self._pieces)
                    self._pieces.clear()
                    self._bytes = 0
                    told = self._position
                    yield data
                elif self.is_closed:
                    return
                elif not wakes.wait(HEARTBEAT_S):
                    told, before = self._position, told
                    yield sse.HEARTBEAT if told == before else sse.at(told)
                wakes.clear()
        finally:
            self._streams.leave(self)

    def _wake(self) -> None:
        if self._wakes is not None:
            self._wakes.set()


class Streams:
    """
    The streams that there are. ``admit`` may be called from any thread, the rest belongs to that of the hub.

    A stream is admitted when it is asked for, and open once its greenlet sends.
    """

    def __init__(self, streams_max: int = STREAMS_MAX, per_user_max: int = PER_USER_MAX) -> None:
        """Begin without any."""
        self.max = streams_max
        self.per_user_max = per_user_max
        self._lock = threading.Lock()
        self._admitted: set[Stream] = set()
        self._open: dict[Stream, None] = {}
        self._is_ending = False

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def __iter__(self) -> Iterator[Stream]:
        """Go through those that are open now."""
        return iter(list(self._open))

    def admit(self, stream: Stream) -> None:
        """Have one more. Raises TooMany."""
        with self._lock:
            if sum(other.user_id == stream.user_id for other in self._admitted) >= self.per_user_max:
                raise TooMany(f"{self.per_user_max} pages are open already: close one of them", is_of_one=True)
            if len(self._admitted) >= self.max or self._is_ending:
                raise TooMany("too many pages are open: try again later", is_of_one=False)
            self._admitted.add(stream)

    def end(self) -> None:
        """End all, and admit no more."""
        self._is_ending = True
        for stream in self:
            stream.end()

    def join(self, stream: Stream) -> None:
        """Have one more that is open."""
        self._open[stream] = None
        if self._is_ending:
            stream.end()

    def leave(self, stream: Stream) -> None:
        """Have one less; it may be gone already."""
        self._open.pop(stream, None)
        with self._lock:
            self._admitted.discard(stream)
