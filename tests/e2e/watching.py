"""A phone's lamp key: it watches a number by SUBSCRIBE, and shows what each NOTIFY says."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from .agent import WAITS_S, Agent, Dialog, Packet

DIALOG_INFO = "{urn:ietf:params:xml:ns:dialog-info}"
PIDF = "{urn:ietf:params:xml:ns:pidf}"


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What one NOTIFY has the phone show.

    Of dialogs: the state of RFC 4235 (empty: there is none), name and URI of who calls. Of presence: the note.
    """

    state: str = ""
    name: str = ""
    uri: str = ""


class Watching:
    """One key. ``event`` is ``dialog`` or ``presence``; the request names ``server``, or the domain without one."""

    def __init__(
        self, agent: Agent, number: str, domain: str, server: tuple[str, int] | None, event: str = "dialog"
    ) -> None:
        self.agent = agent
        self.event = event
        local = f"<{agent.uri}>;tag={uuid.uuid4().hex[:10]}"
        target = f"sip:{number}@{server[0]}:{server[1]}" if server else f"sip:{number}@{domain}"
        call_id = f"{uuid.uuid4().hex}@127.0.0.1"
        self._dialog = Dialog(agent, call_id, local, f"<sip:{number}@{domain}>", target, True, cseq=0)
        agent.dialogs.append(self._dialog)
        self.subscribe()

    def subscribe(self, expires_s: int = 300) -> None:
        """Begin to watch, or go on, for so long; return when that is accepted."""
        accept = {"dialog": "application/dialog-info+xml", "presence": "application/pidf+xml"}[self.event]
        before = len(self._answers())
        self._dialog.request("SUBSCRIBE", f"Event: {self.event}", f"Accept: {accept}", f"Expires: {expires_s}")
        self._dialog.wait_for(lambda _: len(self._answers()) > before, "an answer to SUBSCRIBE")
        answer = self._answers()[-1]
        assert answer.status in (200, 202), answer.start
        self._dialog.remote = answer.get("to")

    def notifies(self) -> list[Packet]:
        """Return what has been received, each once, in the order of the CSeq."""
        found = {packet.get("cseq"): packet for packet in self._dialog.received if packet.method == "NOTIFY"}
        return sorted(found.values(), key=lambda packet: int(packet.get("cseq").split()[0]))

    def shown(self) -> list[Shown]:
        """Return what each NOTIFY says. Raises ParseError for a document that is no XML."""
        read = {"dialog": _dialog, "presence": _presence}[self.event]
        return [read(packet.body) for packet in self.notifies() if packet.body]

    def now(self) -> Shown:
        """Return what the key shows now."""
        return (self.shown() or [Shown()])[-1]

    def wait(self, is_so: Callable[[Shown], object], what: str, within_s: float = WAITS_S) -> Shown:
        """Wait until the key shows it. Raises AssertionError with all that it has shown."""
        deadline = time.monotonic() + within_s
        while not is_so(self.now()):
            assert time.monotonic() < deadline, f"{self.agent.name} waits for {what}: {self.shown()}"
            time.sleep(0.01)
        return self.now()

    def _answers(self) -> list[Packet]:
        return [packet for packet in self._dialog.received if packet.status >= 200]


def _dialog(body: str) -> Shown:
    root = ElementTree.fromstring(body)
    dialogs = root.findall(f"{DIALOG_INFO}dialog")
    if not dialogs:
        return Shown()
    (dialog,) = dialogs
    identity = dialog.find(f"{DIALOG_INFO}remote/{DIALOG_INFO}identity")
    state = dialog.findtext(f"{DIALOG_INFO}state", "")
    if identity is None:
        return Shown(state)
    return Shown(state, identity.get("display", ""), identity.text or "")


def _presence(body: str) -> Shown:
    root = ElementTree.fromstring(body)
    note = next((it.text or "" for it in root.iter() if it.tag.endswith("}note")), "")
    return Shown(root.findtext(f".//{PIDF}basic", ""), note)
