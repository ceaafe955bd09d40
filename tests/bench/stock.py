"""The same call flow on greenswitch as shipped: what one writes when one follows its README."""

from __future__ import annotations

import logging
import sys
from typing import Any

from greenswitch import OutboundESLServer

LINES: list[str] = []


class StockHunt:
    """Asks who is registered, bridges, waits for the end. Writes no journal."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self) -> None:
        session = self.session
        uuid = session.session_data["Unique-ID"]
        session.linger(30)
        session.send("event plain CHANNEL_BRIDGE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE")
        session.send(f"filter Unique-ID {uuid}")
        session.send(f"api uuid_setvar_multi {uuid} app_disable_expand_variables=true")
        contacts = [session.send(f"api sofia_contact */{line}").data for line in LINES]
        legs = ",".join(
            f"[origination_uuid=01900000-0000-7000-8000-{n:012x},presence_id={line}]{contact}"
            for n, (line, contact) in enumerate(zip(LINES, contacts, strict=True))
        )
        session.bridge("{ignore_early_media=true,originate_timeout=30}" + legs)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    port, members = int(sys.argv[1]), int(sys.argv[2])
    LINES += [f"{100000 + n}@bench.local" for n in range(members)]
    OutboundESLServer("127.0.0.1", port, StockHunt, max_connections=100_000).listen()
