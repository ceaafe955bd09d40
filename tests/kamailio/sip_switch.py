"""FreeSWITCH's side of SIP: what the dial strings of the service say goes out as INVITE, and group calls come in."""

from __future__ import annotations

from urllib.parse import unquote

from esl_huntgroup.registrars.registrar import Destination
from tests.e2e.agent import Agent, Dialog, Rings


class SipSwitch(Agent):
    """A switch that rings what it is told to. ``rings`` is what a group says to its caller."""

    software = "FreeSWITCH-mod_sofia/1.10.12-release"

    def __init__(self, rings: Rings | None = None) -> None:
        super().__init__("2001", "127.0.0.1", ("127.0.0.1", 9), rings or Rings(final=486))

    def goes_to(self, kamailio: tuple[str, int]) -> None:
        """Send everything there from now on."""
        self._switch = kamailio

    def ring(self, destination: Destination) -> Dialog:
        """Ring one device, as ``bridge`` would: its request URI, the Route in it, and its own headers."""
        _, _, uri = destination.endpoint.split("/", 2)
        target, _, path = uri.partition(";fs_path=")
        variables = dict(destination.variables)
        headers = [
            f"{name.removeprefix('sip_h_')}: {value}" for name, value in variables.items() if name.startswith("sip_h_")
        ]
        to = variables.get("sip_invite_to_uri", f"<{target}>")
        return self.call("2001", *headers, target=target, to=to, routes=[f"<{unquote(path)}>"])
