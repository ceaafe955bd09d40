"""
Who would ring in a group now, asked of the switches themselves, as ``explain`` asks them.

The page works without: a switch that is away, or that nobody has named here, costs it next to nothing. One page waits
for a switch for a moment at most, one that did not answer is left alone for a while, and few threads wait at a time.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import peewee

from esl_huntgroup.errors import SwitchError, SwitchTimeout
from esl_huntgroup.settings import Address, Settings
from esl_huntgroup.web import clock
from esl_huntgroup.web.config import SwitchesConfig

if TYPE_CHECKING:
    from esl_huntgroup.diagnostics.explanation import Explanation

ASKED_S: Final = 2.0
"""How long a page waits for one switch."""
KEPT_S: Final = 3.0
"""How long an answer is shown to others, too."""
SILENT_S: Final = 15.0
"""How long a switch that did not answer is not asked again."""
ASKING_MAX: Final = 2
"""Pages that wait for switches at one time: each holds one of the few threads that answer requests."""

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What one switch says, and when; ``told`` is None where it did not answer. ``where`` is empty of a single one."""

    where: str
    told: Explanation | None
    at_ms: int


class Switches:
    """The switches of an installation, for all threads of a process."""

    def __init__(
        self, config: SwitchesConfig, *, asked_s: float = ASKED_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask nobody yet. ``clock`` counts seconds."""
        values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
        self._settings = Settings(**values)
        self._asked_s = asked_s
        self._clock = clock
        self._asking = threading.BoundedSemaphore(ASKING_MAX)
        self._silent_until: dict[Address, float] = {}
        self._kept: dict[tuple[Address, str], tuple[float, Answer]] = {}

    def would_ring(self, db: peewee.Database, group: str) -> list[Answer]:
        """
        Return what a call to this group, NUMBER@DOMAIN, would do now at each switch; nothing where none is named.

        Raises InputError where there is no such group any more, and DatabaseError.
        """
        return [self._at(db, address, group) for address in self._settings.esl_address]

    def _at(self, db: peewee.Database, address: Address, group: str) -> Answer:
        until, kept = self._kept.get((address, group), (0.0, None))
        if kept is not None and self._clock() < until:
            return kept
        answer = Answer(self._shown(address), self._ask(db, address, group), clock.now_ms())
        if answer.told is not None:
            now = self._clock()
            self._kept = {key: it for key, it in self._kept.items() if it[0] > now}
            self._kept[address, group] = now + KEPT_S, answer
        return answer

    def _ask(self, db: peewee.Database, address: Address, group: str) -> Explanation | None:
        if self._clock() < self._silent_until.get(address, 0.0) or not self._asking.acquire(blocking=False):
            return None
        try:
            told = self._explained(db, address, group)
        except SwitchError as error:
            if address not in self._silent_until:
                log.warning("who would ring in a group cannot be asked: %s", error)
            self._silent_until[address] = self._clock() + SILENT_S
            return None
        finally:
            self._asking.release()
        self._silent_until.pop(address, None)
        return told

    def _explained(self, db: peewee.Database, address: Address, group: str) -> Explanation:
        """Ask one switch. Raises SwitchError."""
        import gevent

        from esl_huntgroup.calls.seams import Seams  # all of a call, for those who name a switch
        from esl_huntgroup.diagnostics.explain import explain
        from esl_huntgroup.registrars.chosen import registrar_of

        settings = dataclasses.replace(self._settings, esl_address=(address,))
        late = SwitchTimeout(f"{address[0]} port {address[1]} does not answer within {self._asked_s:g} s")
        with gevent.Timeout(self._asked_s, late):
            (told,) = explain(db, settings, group, seams=Seams(registrar=registrar_of(settings)))
        return told

    def _shown(self, address: Address) -> str:
        return f"{address[0]}:{address[1]}" if len(self._settings.esl_address) > 1 else ""
