"""
The same call flow on greenswitch as shipped: what one writes when one follows its README.

The group comes from the same directory, and the switch gets the same commands as from
``esl_huntgroup.calls.controller``. What it does
not do: judge what the switch says, keep deadlines, write a journal or a log.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from greenswitch import OutboundESLServer

from esl_huntgroup.calls.directory import Directory
from tests.bench.fake_switch import DOMAIN

DIRECTORIES: list[Directory] = []


class StockHunt:
    """Asks who is registered, bridges, waits for the end."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self) -> None:
        session = self.session
        self.uuid = uuid = session.session_data["Unique-ID"]
        session.register_handle("CHANNEL_BRIDGE", self.answered)
        session.linger(30)
        session.send("event plain CHANNEL_BRIDGE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE")
        session.send(f"filter Unique-ID {uuid}")
        session.send(f"api uuid_getvar {uuid} park_timeout")
        group = DIRECTORIES[0].find(DOMAIN, session.session_data["Caller-Destination-Number"])
        assert group
        session.send(f"api uuid_setvar_multi {uuid} app_disable_expand_variables=true;last_bridge_to=")
        contacts = [session.send(f"api sofia_contact */{line.address}").data for line in group.lines]
        session.send(f"api uuid_ring_ready {uuid}")
        legs = ",".join(
            f"[origination_uuid=01900000-0000-7000-8000-{n:012x},presence_id={line.address}]{contact}"
            for n, (line, contact) in enumerate(zip(group.lines, contacts, strict=True))
        )
        users = ",".join(str(member.user_id) for member in group.members)
        session.send(f"api uuid_setvar_multi {uuid} huntgroup_legs={users}")
        session.send(f"api sched_del huntgroup-{uuid}")
        session.send(f"api sched_api +42 huntgroup-{uuid} uuid_transfer {uuid} huntgroup-fallback")
        session.bridge("{ignore_early_media=true,originate_timeout=30}" + legs)

    def answered(self, _event: Any) -> None:
        """Send what is sent when somebody answers."""
        self.session.send(f"api uuid_setvar_multi {self.uuid} app_disable_expand_variables=")
        self.session.send(f"api sched_del huntgroup-{self.uuid}")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    DIRECTORIES.append(Directory(sys.argv[2]))
    OutboundESLServer("127.0.0.1", int(sys.argv[1]), StockHunt, max_connections=100_000).listen()
