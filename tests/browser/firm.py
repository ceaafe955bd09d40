"""The firm of the demo with its page, in a process of its own, and calls that a test writes into its journal."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import peewee

from esl_huntgroup.db.engine import execute, fetch, open_database
from esl_huntgroup.db.tables import User
from esl_huntgroup.journal.follower import Follower, FollowerConfig
from esl_huntgroup.journal.records import (
    CallAnswered,
    CallEnded,
    CallOpened,
    CallRinging,
    EntryRecord,
    JournalRecord,
    LegRecord,
    OutgoingCall,
)
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.simulator import demo
from esl_huntgroup.simulator.showcase import DOMAIN, GROUP_NUMBER, MEMBERS, PEOPLE
from esl_huntgroup.web import clock
from tests.database.servers import free_port

START_S = 20.0


@dataclass
class Firm:
    """The page, and the journal behind it. Everybody of the demo has a door: an address that signs one in."""

    home: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def door(self, name: str) -> str:
        return f"{self.url}/demo/{name}"

    def prepare(self) -> None:
        demo.prepare(self.home, 20)
        self.db: peewee.Database = open_database(demo.database_url(self.home))
        self.ids = dict(fetch(self.db, User.select(User.display_name, User.id)))
        self.store = JournalStore(self.db)

    def start(self) -> None:
        names = {name.split()[0].lower(): user_id for name, user_id in self.ids.items()}
        told = {"database": demo.database_url(self.home), "port": self.port, "language": "en", "doors": names}
        command = [sys.executable, "-m", "esl_huntgroup.simulator.door"]
        process = self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        assert process.stdin
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
                return
            time.sleep(0.1)
        raise AssertionError("the page did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None

    # -- calls --------------------------------------------------------------------------------------------------------

    def ring(self, number: str, name: str, *, at_ms: int | None = None) -> str:
        """Let somebody call; the phones of Anna and Bernd ring."""
        at = clock.now_ms() if at_ms is None else at_ms
        call_id = f"{first_at(at)[:13]}-7000-8000-{uuid.uuid4().hex[:12]}"
        ringing = tuple(self.ids[PEOPLE[account]] for account in MEMBERS[:2])
        self._write(
            CallOpened(call_id, "lab", call_id, 1, "Vertrieb", GROUP_NUMBER, DOMAIN, number, name, at),
            CallRinging(call_id, ringing),
        )
        return call_id

    def answer(self, call_id: str, who: str = "Anna Berg", wait_ms: int = 4000) -> None:
        at = int(call_id[:8] + call_id[9:13], 16)
        entries = self._entries(lambda name: EntryKind.ANSWERED if name == who else EntryKind.ANSWERED_ELSEWHERE)
        self._write(CallAnswered(call_id, at + wait_ms, wait_ms, self.ids[who], who, self._legs(), entries))

    def end(self, call_id: str, talk_ms: int = 61_000) -> None:
        at = int(call_id[:8] + call_id[9:13], 16)
        self._write(CallEnded(call_id, at + 4000 + talk_ms, 4000, talk_ms, Outcome.ANSWERED, "NORMAL_CLEARING", ""))

    def miss(self, call_id: str, wait_ms: int = 20_000) -> None:
        at = int(call_id[:8] + call_id[9:13], 16)
        rang = {PEOPLE[account] for account in MEMBERS[:2]}
        entries = self._entries(lambda name: EntryKind.MISSED if name in rang else EntryKind.NOT_SIGNALLED)
        self._write(
            CallEnded(
                *(call_id, at + wait_ms, wait_ms, 0, Outcome.NO_ANSWER, "", "transfer 4711 XML default"),
                legs=self._legs(),
                entries=entries,
            )
        )

    def taken(self, number: str, name: str, at_ms: int, who: str = "Anna Berg") -> str:
        call_id = self.ring(number, name, at_ms=at_ms)
        self.answer(call_id, who)
        self.end(call_id)
        return call_id

    def missed(self, number: str, name: str, at_ms: int) -> str:
        call_id = self.ring(number, name, at_ms=at_ms)
        self.miss(call_id)
        return call_id

    def call_back(self, who: str, number: str) -> None:
        """Let somebody reach a number outside, as the switch tells it; the follower finds out what that handles."""
        account = next(account for account, name in PEOPLE.items() if name == who)
        at_ms = clock.now_ms()
        self.store.write([OutgoingCall(uuid.uuid4().hex, "lab", f"{account}@{DOMAIN}", number, at_ms)])
        self.follow()

    def follow(self) -> None:
        """Let the follower come as far as there is anything."""
        follower = Follower(self.db, FollowerConfig(demo.database_url(self.home)))
        while follower.round():
            pass

    def entries_of(self, name: str) -> int:
        sql = "SELECT COUNT(*) FROM journal_entries WHERE user_id = ?"
        return int(execute(self.db, sql, (self.ids[name],)).fetchone()[0])

    def unhandled_of(self, name: str) -> int:
        sql = (
            "SELECT COUNT(*) FROM journal_entries WHERE user_id = ? AND handled_at_ms IS NULL"
            " AND kind IN ('missed', 'not_signalled')"
        )
        return int(execute(self.db, sql, (self.ids[name],)).fetchone()[0])

    def _write(self, *records: JournalRecord) -> None:
        self.store.write(list(records))

    def _entries(self, kind: object) -> tuple[EntryRecord, ...]:
        names = [PEOPLE[account] for account in MEMBERS]
        return tuple(
            EntryRecord(position, self.ids[name], name, kind(name), position <= 2, "NO_ANSWER" if position <= 2 else "")  # type: ignore[operator]
            for position, name in enumerate(names, 1)
        )

    def _legs(self) -> tuple[LegRecord, ...]:
        return tuple(
            LegRecord(
                *(number, self.ids[PEOPLE[account]], f"{account}@{DOMAIN}", f"sip:{account}@127.0.0.1", "NO_ANSWER"),
                rang=True,
            )
            for number, account in enumerate(MEMBERS[:2], 1)
        )
