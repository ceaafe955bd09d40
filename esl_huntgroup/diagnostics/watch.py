"""Waits for phones to register, for whoever shows who can ring: what Kamailio tells by itself, line by line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Self

import gevent
from gevent.event import Event

from esl_huntgroup.errors import InputError
from esl_huntgroup.registrars.notice_feed import NoticeFeed
from esl_huntgroup.registrars.notices import LineRegistered, Notice
from esl_huntgroup.settings import Settings

NO_NOTICES: Final = (
    "nothing can be watched, because kamailio_notices is not set: HOST:PORT of each Kamailio that tells who has "
    "registered is accepted, see kamailio/README.md"
)
CONNECTED_WITHIN_S: Final = 2.0


class Watch:
    """
    A context manager that listens to every Kamailio of the settings.

    Of lines that nobody watches nothing is kept, and of the others each once: so however much comes, little is held.
    """

    def __init__(self, settings: Settings) -> None:
        """Connect to none. Raises InputError where there is none."""
        if not settings.kamailio_notices:
            raise InputError(NO_NOTICES)
        self._feed = NoticeFeed(settings.kamailio_notices, self._hear)
        self._accounts: frozenset[str] = frozenset()
        self._waiting: dict[str, None] = {}
        self._has_news = Event()

    def __enter__(self) -> Self:
        """Connect, and wait a little for that."""
        self._feed.start()
        with gevent.Timeout(CONNECTED_WITHIN_S, False):
            while self._feed.lost:
                self._has_news.wait()
                self._has_news.clear()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._feed.stop()

    @property
    def lost(self) -> list[str]:
        """Where nothing is heard now, in words."""
        return [f"{host} port {port}" for host, port in sorted(self._feed.lost)]

    def begin(self, lines: Collection[str]) -> None:
        """
        Watch these lines, ACCOUNT@DOMAIN, from now on; to be called before it is asked who is registered.

        The account decides: a phone may know its registrar by another name than we do.
        """
        self._accounts = frozenset(line.partition("@")[0].lower() for line in lines)
        self._waiting.clear()
        self._has_news.clear()

    def news(self) -> list[str]:
        """
        Wait until something has happened; return the lines that have registered, ACCOUNT@DOMAIN, each once.

        None of them: a connection came back, and nobody knows what was missed.
        """
        self._has_news.wait()
        self._has_news.clear()
        found, self._waiting = list(self._waiting), {}
        return found

    def _hear(self, notice: Notice) -> None:
        if isinstance(notice, LineRegistered):
            if notice.account not in self._accounts:
                return
            self._waiting[notice.address] = None
        self._has_news.set()
