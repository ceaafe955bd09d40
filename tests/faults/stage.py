"""The stage of a simulated row: the simulated switch with all its phones, and the service that serves it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.database.servers import free_port
from tests.e2e.journal import Call
from tests.faults import firm
from tests.faults.board import Board
from tests.faults.calls import Made, lived
from tests.faults.edge import Edge
from tests.faults.installed import Installed
from tests.faults.relay import Relay
from tests.faults.truth import Examined, problems


class Stage(Installed):
    """
    A service and the switch in front of it; with a relay, the switch reaches the service through that.

    With a registrar, the phones are registered at a real Kamailio, and at the switch is nobody.
    """

    def __init__(
        self,
        folder: Path,
        database: Path | str,
        *,
        with_relay: bool = False,
        with_web: bool = False,
        with_registrar: bool = False,
    ) -> None:
        address = ("127.0.0.1", free_port())
        self.relay = Relay(address) if with_relay else None
        self.phones = firm.phones()
        everybody = tuple(phone for group in self.phones.values() for phone in group)
        self.board = Board(self.relay.address if self.relay else address, everybody)
        super().__init__(folder, database, address, self.board.events.port)
        self.environment |= {"ESL_HUNTGROUP_DEFAULT_DOMAIN": firm.DOMAIN, "ESL_HUNTGROUP_ESL_PASSWORD": "secret"}
        if with_web:
            self.open_web()
        if with_registrar:
            self.edge = Edge(folder / "kamailio", everybody)
            self.board.registrar = self.edge
            self.environment["ESL_HUNTGROUP_KAMAILIO"] = self.edge.setting

    def close(self) -> None:
        """End everything."""
        super().close()
        if self.relay:
            self.relay.close()
        if self.edge:
            self.edge.close()
        self.board.close()

    def examine(self, made: Sequence[Made]) -> list[Examined]:
        """Return what became of these calls, what the journal says of each, and what is wrong with it."""
        rows: dict[str, list[Call]] = defaultdict(list)
        for call in self.journal_calls():
            rows[call.caller_number].append(call)
        return [self._examine(call, rows[call.number]) for call in made]

    def _examine(self, made: Made, rows: list[Call]) -> Examined:
        told = lived(self.board, made)
        is_broken = told.was_cut or any(self.was_killed(row) for row in rows)
        told = dataclasses.replace(
            told,
            is_heard=told.is_heard or not is_broken,
            is_spared=self.spares_callers,
            was_without_database=self.was_without_database,
        )
        return Examined(told, tuple(problems(told, rows)), bool(rows))
