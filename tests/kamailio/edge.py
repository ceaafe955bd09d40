"""
The simulated switch before a real Kamailio: what its dial strings say goes out as INVITE, through Kamailio to a phone.

Simulated is the switch alone (its race, its variables, its event socket). That a phone rings is what a phone said.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import gevent

from esl_huntgroup.simulator.phones import Heard, Invitation, Phone, Script
from esl_huntgroup.simulator.phones import Registrar as Phones
from esl_huntgroup.simulator.switch import Switch
from tests.e2e.agent import Packet
from tests.kamailio.phone import SDP, Datagrams, branch, message

SILENT = Script(rings_after_s=None)
REPEATED_AFTER_S = (0.5, 1.0, 2.0, 4.0)
COPIED = ("Diversion", "History-Info", "X-Huntgroup")


class Leg(Phone):
    """One leg on its way through Kamailio; what the phone says becomes its script."""

    def __init__(self, contact: str, trunk: Trunk) -> None:
        super().__init__(contact, contact, (contact,), replace(SILENT))
        uri, _, path = contact.partition(";fs_path=")
        self.uri, self.path = uri, unquote(path)
        self.trunk = trunk
        self.call_id, self.branch, self.to = f"leg-{branch()}", branch(), ""
        self.statuses: list[int] = []
        self.final: Packet | None = None
        self.invited_at = 0.0
        self.has_given_up = False

    def heard_of(self, packet: Packet) -> None:
        """Take in a response to the INVITE."""
        self.statuses.append(packet.status)
        if packet.status in (180, 183):
            self.script = Script(rings_after_s=0.0)
        elif packet.status >= 200 and self.final is None:
            self.final = packet
            self.to = packet.get("to")
            rings = self.script.rings_after_s
            if packet.status < 300:
                self.script = Script(rings_after_s=rings, answers_after_s=0.0)
            else:
                self.script = Script(rings_after_s=rings, refuses_after_s=0.0, status=packet.status)


class Trunk:
    """The switch's side of SIP: one socket, one call for each leg."""

    def __init__(self, port: int, domain: str) -> None:
        self._way = Datagrams(("127.0.0.1", 9), port)
        self._domain = domain
        self.legs: list[Leg] = []
        self._reads = gevent.spawn(self._read)

    def close(self) -> None:
        self._reads.kill()
        self._way.close()

    def observe(self, phone: Phone, heard: Heard) -> None:
        """Send what the switch sends a phone."""
        if not isinstance(phone, Leg):
            return
        match heard.what:
            case "invite":
                assert heard.invitation
                self.legs.append(phone)
                phone.invited_at = time.monotonic()
                gevent.spawn(self._repeat, phone, self._invite(phone, heard.invitation))
            case "cancel":
                phone.has_given_up = True
                self._send(phone, self._request(phone, "CANCEL", 1, phone.branch, [("Reason", heard.detail)]))
            case "bye":
                self._in_dialog(phone, "BYE", 2, [("Reason", heard.detail)] if heard.detail else [])

    def _repeat(self, leg: Leg, invite: bytes) -> None:
        """Send an INVITE again as long as nothing comes (RFC 3261, 17.1.1.2)."""
        for pause_s in REPEATED_AFTER_S:
            self._send(leg, invite)
            gevent.sleep(pause_s)
            if leg.statuses or leg.has_given_up:
                return

    def _invite(self, leg: Leg, invitation: Invitation) -> bytes:
        to = invitation.variables.get("sip_invite_to_uri") or f"<{leg.uri}>"
        leg.to = to
        headers = [(name, value) for name, value in invitation.headers.items() if name in COPIED]
        return self._request(leg, "INVITE", 1, leg.branch, headers, SDP)

    def _request(
        self, leg: Leg, method: str, cseq: int, via: str, headers: list[tuple[str, str]], body: str = ""
    ) -> bytes:
        return message(
            f"{method} {leg.uri} SIP/2.0",
            [
                ("Via", f"SIP/2.0/UDP 127.0.0.1:{self._way.port};rport;branch={via}"),
                ("Route", f"<{leg.path}>"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:caller@127.0.0.1>;tag={leg.call_id}"),
                ("To", leg.to),
                ("Call-ID", leg.call_id),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", f"<sip:switch@127.0.0.1:{self._way.port}>"),
                *headers,
            ],
            body,
        )

    def _in_dialog(self, leg: Leg, method: str, cseq: int, headers: list[tuple[str, str]]) -> None:
        assert leg.final
        routes = [("Route", route) for route in reversed(leg.final.all("record-route"))]
        contact = leg.final.get("contact").strip("<>").partition(">")[0]
        first = ("Via", f"SIP/2.0/UDP 127.0.0.1:{self._way.port};rport;branch={branch()}")
        rest = [
            ("Max-Forwards", "70"),
            ("From", f"<sip:caller@127.0.0.1>;tag={leg.call_id}"),
            ("To", leg.to),
            ("Call-ID", leg.call_id),
            ("CSeq", f"{cseq} {method}"),
        ]
        self._send(leg, message(f"{method} {contact} SIP/2.0", [first, *routes, *rest, *headers]))

    def _send(self, leg: Leg, data: bytes) -> None:
        host, _, port = leg.path.removeprefix("sip:").partition(";")[0].rpartition(":")
        self._way.send(data, (host, int(port)))

    def _read(self) -> None:
        for data in self._way.messages():
            packet = Packet.read(data)
            leg = next((leg for leg in self.legs if leg.call_id == packet.get("call-id")), None)
            if leg is None:
                continue
            if packet.method:
                self._asked(leg, packet)
            elif packet.get("cseq").endswith("INVITE") and packet.status:
                leg.heard_of(packet)
                if packet.status >= 300:
                    leg.to = packet.get("to")
                    self._send(leg, self._request(leg, "ACK", 1, leg.branch, []))
                elif packet.status >= 200:
                    self._in_dialog(leg, "ACK", 1, [])
                    if leg.has_given_up:  # it has crossed the CANCEL
                        self._in_dialog(leg, "BYE", 2, [])

    def _asked(self, leg: Leg, packet: Packet) -> None:
        """Accept what a phone asks for: that it hangs up."""
        copied = [
            (name.title(), value) for name, value in packet.headers if name in ("via", "from", "to", "call-id", "cseq")
        ]
        self._send(leg, message("SIP/2.0 200 OK", copied))


class _Edge(Phones):
    """Contacts that lead through Kamailio are legs; all others are simulated phones."""

    def __init__(self, phones: tuple[Phone, ...], trunk: Trunk) -> None:
        super().__init__(phones)
        self._trunk = trunk

    def at(self, contact: str) -> Phone | None:
        return Leg(contact, self._trunk) if ";fs_path=" in contact else super().at(contact)


class EdgeSwitch(Switch):
    """A simulated switch that reaches phones through Kamailio. ``trunk`` has every leg that went there."""

    def __init__(self, service: tuple[str, int], trunk: Trunk, phones: tuple[Phone, ...] = (), **options: Any) -> None:
        super().__init__(service, phones, observer=trunk.observe, **options)
        self.trunk = trunk
        self.registrar = _Edge(phones, trunk)

    def api(self, command: str, argument: str) -> str:
        """Know the headers of the answer of a leg, too (``sip_rh_…``)."""
        leg = self.legs.get(argument.removesuffix(" json")) if command == "uuid_dump" else None
        if leg is None or not isinstance(leg.phone, Leg) or leg.phone.final is None:
            return super().api(command, argument)
        final = leg.phone.final
        user, _, host = final.get("contact").removeprefix("<sip:").partition(">")[0].partition("@")
        where, _, port = host.partition(";")[0].partition(":")
        named = {"user": user, "host": where, "port": port}
        told = {f"variable_sip_contact_{name}": value for name, value in named.items()}
        told["variable_sip_rh_X-Contact-Ruid"] = final.get("x-contact-ruid")
        told["variable_sip_user_agent"] = final.get("user-agent")
        return json.dumps({"Event-Name": "CHANNEL_DATA"} | told)
