"""One Kamailio with Debian's own file, the switch behind it, and whoever has a phone there or calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from esl_huntgroup.diagnostics.checks.kamailio import check_kamailios
from esl_huntgroup.diagnostics.checks.kamailio_numbers import check_numbers
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.chosen import client_of, registrar_of
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.lookups import Answer
from esl_huntgroup.settings import Settings, load_settings
from tests.e2e import kamailio as kamailio_of
from tests.e2e.agent import Agent, Dialog, Rings
from tests.e2e.kamailio import Kamailio
from tests.kamailio.sip_switch import SipSwitch

EDGE = "edge.example"
RINGING = Rings()
WITHIN_S = 20.0
"""Of a machine that has much else to do."""


class Site:
    """A Kamailio, the switch behind it, and whoever has a phone or calls."""

    def __init__(self, folder: Path, *defines: str, **options: object) -> None:
        kamailio_of.require()
        self.switch = SipSwitch()
        self.secret = ""
        self.everybody: list[Agent] = [self.switch]
        self.kamailio = Kamailio(folder / "edge", EDGE, self.switch.port, *defines, **options)  # type: ignore[arg-type]
        self.switch.goes_to(self.kamailio.address)
        self.kamailio.start()

    def phone(self, account: str, rings: Rings = RINGING) -> Agent:
        """Switch on a phone, which registers itself."""
        agent = Agent(account, EDGE, self.kamailio.address, rings)
        agent.password = kamailio_of.PASSWORD
        self.everybody.append(agent)
        assert agent.register() == 200
        return agent

    @property
    def settings(self) -> Settings:
        """What the service is told."""
        return load_settings(None, {}, {"kamailio": self.kamailio.setting, "kamailio_secret": self.secret})

    def ring(self, *accounts: str) -> list[Dialog]:
        """Ring every device of these accounts: asked for and dialled as the service does."""
        registrar, client = registrar_of(self.settings), client_of(self.settings)
        lines = [Line(account, EDGE, account) for account in accounts]
        told = self._told(client, lines)
        contacts = registrar.contacts(lines, [], "", told)
        assert [it.fault for it in contacts.values()] == [""] * len(lines)
        return [
            self.switch.ring(registrar.destination(line, contact))
            for line, found in contacts.items()
            for contact in found.dialable
        ]

    def _told(self, client: KamailioClient, lines: list[Line]) -> list[Answer]:
        try:
            return client.ask(registrar_of(self.settings).lookups(lines)).answers()
        finally:
            client.stop()

    def check(self, *numbers: str) -> list[str]:
        """Return what `check` says of Kamailio where these are the numbers of groups."""
        lines = [Line("1001", EDGE, "1001"), Line("1009", EDGE, "1009")]
        found = [*check_kamailios(self.settings, lines), *check_numbers(self.settings, {EDGE: numbers})]
        return [str(it) for it in found]

    def close(self) -> None:
        """End everything."""
        for agent in self.everybody:
            agent.stop()
        self.kamailio.stop()


Started = Callable[..., Site]


class Sites:
    """What a test has started; ``close`` ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sites: list[Site] = []

    def start(self, *defines: str, **options: object) -> Site:
        """Start a Kamailio with these defines of Debian's file; the options are those of ``Kamailio``."""
        self._sites.append(Site(self._folder, *defines, **options))
        return self._sites[-1]

    def close(self) -> None:
        """End everything."""
        for site in self._sites:
            site.close()


def rpc(site: Site) -> str:
    return f"kamailio: http://{site.kamailio.host}:{site.kamailio.rpc_port}/huntgroup"


def at(site: Site) -> str:
    return f"kamailio: {site.kamailio.host}:{site.kamailio.port}"
