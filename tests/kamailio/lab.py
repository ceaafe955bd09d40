"""A service in this process, the simulated switch, a real Kamailio between it and small phones, for one test."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import gevent

from esl_huntgroup.calls import handler
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.seams import Seams
from esl_huntgroup.esl.server import Server
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.registrars.chosen import client_of, registrar_of
from esl_huntgroup.settings import KamailioAt, Settings
from esl_huntgroup.simulator.phones import Phone
from esl_huntgroup.simulator.switch import CallResult
from tests.kamailio.edge import EdgeSwitch, Leg, Trunk
from tests.kamailio.phone import Datagrams, SmallPhone, Stream, WebSocket
from tests.kamailio.registrar import Registrar
from tests.protocol import test_call as calls
from tests.unit.examples import DOMAIN

REPLY_TIMEOUT_S = 3.0
ENDED_WITHIN_S = 30.0


class EdgeLab(calls.Lab):
    """``phone`` switches one on; ``ring`` calls 700 and lets whoever answers talk. Ends whatever it began."""

    def __init__(self, registrar: Registrar, trunk: Trunk, *, is_fast: bool = False) -> None:
        super().__init__(is_fast=is_fast)
        self.registrar, self.trunk = registrar, trunk
        self.phones: list[SmallPhone] = []
        self.rpc: tuple[str, int, str] | None = ("127.0.0.1", registrar.rpc_port, "/huntgroup")
        trunk.legs.clear()

    def start(self, **_: Any) -> None:
        at = KamailioAt(DOMAIN, self.rpc, f"127.0.0.1:{self.registrar.port}")
        settings = dataclasses.replace(Settings(), kamailio=(at,))
        self.kamailio = client_of(settings)
        ctx = CallContext(
            self.book,
            self.journal,
            DOMAIN,
            REPLY_TIMEOUT_S,
            127,
            answer_feed=self.live,
            seams=Seams(registrar=registrar_of(settings)),
            kamailio=self.kamailio,
        )
        self.meter = ctx.meter

        def serve(session: CallSession) -> None:
            handler.serve(session, ctx)
            self.served.set()

        self.server = Server([("127.0.0.1", 0)], serve, functools.partial(handler.refuse, ctx=ctx), 100)
        self.server.listen()

    def edge(self, *members: Phone) -> EdgeSwitch:
        """Return a switch; phones that are registered at it itself may be given."""
        if not hasattr(self, "server"):
            self.start()
        return EdgeSwitch(self.address, self.trunk, members, domain=DOMAIN, is_fast=self.is_fast)

    def phone(self, account: str, way: str = "udp", **how: Any) -> SmallPhone:
        """Switch on a phone that registers by this way: ``udp``, ``nat`` (UDP), ``tcp`` or ``ws``."""
        match way:
            case "udp":
                phone = SmallPhone(Datagrams(self.registrar.address), account, DOMAIN, **how)
            case "nat":
                how.setdefault("contact", f"<sip:{account}@192.168.7.7:5062>")
                phone = SmallPhone(Datagrams(self.registrar.address), account, DOMAIN, **how)
            case "tcp":
                phone = SmallPhone(Stream(self.registrar.address), account, DOMAIN, **how)
            case "ws":
                how.setdefault("contact", f"<sip:{account}@df7jal23ls0d.invalid;transport=ws>")
                phone = SmallPhone(WebSocket(("127.0.0.1", self.registrar.rpc_port)), account, DOMAIN, **how)
            case _:
                raise ValueError(way)
        self.phones.append(phone)
        phone.register()
        return phone

    def ring(self, switch: EdgeSwitch | None = None, **options: Any) -> CallResult:
        """Make one call to 700 from its begin to its end, and wait for the service's last word on it."""
        options.setdefault("hangs_up_after_talk_s", 0.3)
        with gevent.Timeout(ENDED_WITHIN_S, AssertionError("the call does not end")):
            return self.call(switch=switch or self.edge(), **options)

    def legs(self) -> list[Leg]:
        """Return the legs that went to Kamailio."""
        return self.trunk.legs

    def close(self) -> None:
        accounts = {phone.account for phone in self.phones}
        for phone in self.phones:
            phone.close()
        self.registrar.forget(*accounts)
        if hasattr(self, "kamailio"):
            self.kamailio.stop()
        assert self.stop() == 0, "calls are left"
