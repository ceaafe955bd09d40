"""
A SIP user agent of a few lines, for what a SIPp scenario cannot say.

Two dialogs at once, a REFER with Replaces, a phone that rings in every way that there is.

It speaks UDP on the loopback from a thread of its own (``stream_agent`` has those that do not), and repeats only its
200: the switch of these tests loses no datagram. It gives its ``password`` to who asks for one.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import queue
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

WAITS_S = 10.0
REPEATED_AFTER_S = (0.5, 1.0, 2.0)
"""When a 200 that nobody acknowledges is sent again (RFC 3261, 13.3.1.4)."""
REGISTERED_FOR_S = 600
_numbers = itertools.count(1)
_SDP = (
    "v=0\r\no=agent 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


@dataclass(frozen=True, slots=True)
class Rings:
    """
    What an agent does with an INVITE: a provisional answer after ``after_s``, then a final one ``then_s`` later.

    ``provisional`` is 0 for none, 180 or 183; ``with_media`` puts a session description into it. ``final`` is 0 for
    none: it rings until somebody ends that. ``then_s`` may be a function that gives it for each call.
    """

    provisional: int = 180
    final: int = 0
    after_s: float = 0.02
    then_s: float | Callable[[], float] = 0.3
    with_media: bool = False
    headers: Sequence[str] = ()


@dataclass(slots=True)
class Packet:
    """A SIP message taken apart, as far as an agent needs it."""

    start: str
    headers: list[tuple[str, str]]
    body: str

    @classmethod
    def read(cls, data: bytes) -> Packet:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(start, [(name.strip().lower(), value.strip()) for name, _, value in pairs], body)

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.split(" ")[0]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


@dataclass(slots=True)
class Dialog:
    """One call of an agent, to or from it. ``statuses`` are those received, ``reason`` that of CANCEL or BYE."""

    agent: Agent
    call_id: str
    local: str
    remote: str
    target: str
    is_caller: bool
    invite: Packet | None = None
    cseq: int = 1
    invite_cseq: int = 1
    branch: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[Packet] = field(default_factory=list)
    is_answered: bool = False
    routes: list[str] = field(default_factory=list)
    is_acknowledged: bool = False
    is_over: bool = False
    reason: str = ""

    def wait_for(self, is_so: Callable[[Dialog], object], what: str, within_s: float = WAITS_S) -> Dialog:
        """Wait until it is so. Raises AssertionError with what has been received."""
        deadline = time.monotonic() + within_s
        while not is_so(self):
            assert time.monotonic() < deadline, f"{self.agent.name} waits for {what}: {self.statuses} {self.reason}"
            time.sleep(0.01)
        return self

    def wait_status(self, status: int, within_s: float = WAITS_S) -> Dialog:
        """Wait for this status of the INVITE."""
        return self.wait_for(lambda dialog: status in dialog.statuses, f"status {status}", within_s)

    def wait_answered(self, within_s: float = WAITS_S) -> Dialog:
        """Wait until the call is answered, by whichever side."""
        return self.wait_for(lambda dialog: dialog.is_answered, "the answer", within_s)

    def wait_over(self, within_s: float = WAITS_S) -> Dialog:
        """Wait for the end."""
        return self.wait_for(lambda dialog: dialog.is_over, "the end", within_s)

    def request(self, method: str, *headers: str) -> None:
        """Send a request within the dialog."""
        self.cseq += 1
        self.agent.send(self.agent.in_dialog(self, method, self.cseq, headers))

    def bye(self) -> None:
        """Hang up a call that is answered."""
        self.request("BYE")
        self.is_over = True

    def cancel(self, *headers: str) -> None:
        """Give up a call that is not answered."""
        self.agent.send(self.agent.cancel(self, headers))

    def refer(self, to: str, replaces: Dialog | None = None) -> None:
        """Send the other side to ``to``; with ``replaces`` into the place that this agent has in that call."""
        if replaces is None:
            self.request("REFER", f"Refer-To: <{to}>", f"Referred-By: <{self.agent.uri}>")
            return
        value = f"{replaces.call_id};to-tag={_tag(replaces.remote)};from-tag={_tag(replaces.local)}"
        self.request("REFER", f"Refer-To: <{to}?Replaces={quote(value, safe='')}>", f"Referred-By: <{self.agent.uri}>")


def _tag(address: str) -> str:
    return address.partition(";tag=")[2].partition(";")[0]


class Agent:
    """
    A phone and a caller in one; ``stop`` ends its thread. ``rings`` is what it does when it is called.

    ``contact`` is what it registers, with ``sip.register`` or its own ``register``.
    """

    protocol = "UDP"
    software = "agent"
    password = ""

    def __init__(
        self, account: str, domain: str, switch: tuple[str, int], rings: Rings | None = None, port: int = 0
    ) -> None:
        """Listen on a port of its own, or on a certain one."""
        self.name = self.number = account
        self.domain = domain
        self.uri = f"sip:{account}@{domain}"
        self.rings = rings or Rings()
        self.dialogs: list[Dialog] = []
        self._switch = switch
        self._is_stopped = False
        self._finals = threading.Lock()
        self._registered: queue.Queue[Packet] = queue.Queue()
        self._connect(port)
        self.port: int = self._socket.getsockname()[1]
        self.sent_by = f"127.0.0.1:{self.port}"
        self.contact = f"<sip:{account}@127.0.0.1:{self.port}>"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _connect(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))

    # -- what a test does ---------------------------------------------------------------------------------------------

    def register(self, expires_s: int = REGISTERED_FOR_S) -> int:
        """Register at the switch; return the final status."""
        self.send(self._register(expires_s))
        answer = self._registered.get(timeout=WAITS_S)
        if answer.status == 401 and self.password:
            self.send(self._register(expires_s, self._credentials(answer, "REGISTER", f"sip:{self.domain}")))
            answer = self._registered.get(timeout=WAITS_S)
        return answer.status

    def call(
        self,
        number: str,
        *headers: str,
        display: str = "",
        target: str = "",
        to: str = "",
        routes: Sequence[str] = (),
    ) -> Dialog:
        """
        Call a number at the switch, or any other address by it.

        ``target`` is the request URI, ``to`` the To header, where they are others; ``routes`` are preloaded.
        """
        tag = uuid.uuid4().hex[:10]
        shown = f'"{display}" ' if display else ""
        target = target or f"sip:{number}@{self._switch[0]}:{self._switch[1]}"
        call_id = f"{uuid.uuid4().hex}@127.0.0.1"
        local = f"{shown}<{self.uri}>;tag={tag}"
        dialog = Dialog(self, call_id, local, to or f"<sip:{number}@{self._switch[0]}>", target, True)
        dialog.routes = list(routes)
        self.dialogs.append(dialog)
        self._invite(dialog, headers)
        return dialog

    def _invite(self, dialog: Dialog, headers: Sequence[str]) -> None:
        dialog.branch = self._branch()
        self.send(self._request(dialog, "INVITE", dialog.invite_cseq, dialog.branch, headers, self._sdp()))

    def invited(self, count: int = 1, within_s: float = WAITS_S) -> Dialog:
        """Wait until this phone has been called so often, and return the last of these calls."""
        deadline = time.monotonic() + within_s
        while len(found := [dialog for dialog in self.dialogs if not dialog.is_caller]) < count:
            assert time.monotonic() < deadline, f"{self.name} was called {len(found)} times, not {count}"
            time.sleep(0.01)
        return found[count - 1]

    def answer(self, dialog: Dialog) -> None:
        """Lift a phone that rings."""
        assert dialog.invite
        dialog.is_answered = True
        answer = self._response(dialog.invite, dialog, "200 OK", with_media=True)
        for pause_s in REPEATED_AFTER_S:
            self.send(answer)
            time.sleep(pause_s)
            if dialog.is_acknowledged or dialog.is_over or self._is_stopped:
                return

    def stop(self) -> None:
        """Be gone."""
        self._is_stopped = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(2)
        self._socket.close()

    # -- what is sent -------------------------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Send a message to the switch."""
        with contextlib.suppress(OSError):
            self._socket.sendto(text.encode(), self._switch)

    def in_dialog(self, dialog: Dialog, method: str, cseq: int, headers: Sequence[str] = ()) -> str:
        """Return a request within a dialog."""
        return self._request(dialog, method, cseq, self._branch(), headers)

    def cancel(self, dialog: Dialog, headers: Sequence[str] = ()) -> str:
        """Return the CANCEL of an INVITE."""
        return self._request(dialog, "CANCEL", dialog.invite_cseq, dialog.branch, headers)

    def _branch(self) -> str:
        return f"z9hG4bK-agent-{self.port}-{next(_numbers)}"

    def _request(
        self, dialog: Dialog, method: str, cseq: int, branch: str, headers: Sequence[str] = (), body: str = ""
    ) -> str:
        lines = [
            f"{method} {dialog.target} SIP/2.0",
            f"Via: SIP/2.0/{self.protocol} {self.sent_by};rport;branch={branch}",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in dialog.routes),
            f"From: {dialog.local}",
            f"To: {dialog.remote}",
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: {self.contact}",
            "Allow: INVITE, ACK, BYE, CANCEL, REFER, NOTIFY",
            *headers,
        ]
        return self._message(lines, body)

    def _register(self, expires_s: int, *headers: str) -> str:
        lines = [
            f"REGISTER sip:{self.domain} SIP/2.0",
            f"Via: SIP/2.0/{self.protocol} {self.sent_by};rport;branch={self._branch()}",
            "Max-Forwards: 70",
            f"From: <{self.uri}>;tag=register{self.port}",
            f"To: <{self.uri}>",
            f"Call-ID: register-{self.port}-{self.protocol}@127.0.0.1",
            f"CSeq: {next(_numbers)} REGISTER",
            f"Contact: {self.contact}",
            f"Expires: {expires_s}",
            "Supported: path",
            *headers,
        ]
        return self._message(lines, "")

    def _credentials(self, answer: Packet, method: str, uri: str) -> str:
        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        name, asked_in = "Authorization", "www-authenticate"
        if answer.status == 407:
            name, asked_in = "Proxy-Authorization", "proxy-authenticate"
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', answer.get(asked_in)))
        realm, nonce = challenge["realm"], challenge["nonce"]
        response = md5(f"{md5(f'{self.number}:{realm}:{self.password}')}:{nonce}:{md5(f'{method}:{uri}')}")
        return (
            f'{name}: Digest username="{self.number}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}"'
        )

    def _response(self, request: Packet, dialog: Dialog | None, status: str, *, with_media: bool = False) -> str:
        to = request.get("to")
        if dialog and ";tag=" not in to:
            to = dialog.local
        lines = [
            f"SIP/2.0 {status}",
            *(f"Via: {via}" for via in request.all("via")),
            *(f"Record-Route: {route}" for route in request.all("record-route")),
            f"From: {request.get('from')}",
            f"To: {to}",
            f"Call-ID: {request.get('call-id')}",
            f"CSeq: {request.get('cseq')}",
            f"Contact: {self.contact}",
            *(self.rings.headers if status[0] in "3456" else ()),
        ]
        return self._message(lines, self._sdp() if with_media else "")

    def _message(self, lines: Sequence[str], body: str) -> str:
        kind = ["Content-Type: application/sdp"] if body else []
        kind.append(f"User-Agent: {self.software}")
        return "\r\n".join([*lines, *kind, f"Content-Length: {len(body.encode())}", "", body])

    def _sdp(self) -> str:
        return _SDP.format(port=self.port + 1 & 0xFFFE or 40_000)

    # -- what is received ---------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._is_stopped:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if b"SIP/2.0" not in data:
                continue  # the media of a call, which another agent has let go
            self._take(Packet.read(data))

    def _take(self, packet: Packet) -> None:
        dialog = next((dialog for dialog in self.dialogs if dialog.call_id == packet.get("call-id")), None)
        if dialog:
            dialog.received.append(packet)
        if packet.status:
            self._answered(packet, dialog)
        else:
            self._asked(packet, dialog)

    def _answered(self, packet: Packet, dialog: Dialog | None) -> None:
        if packet.status >= 200 and packet.get("cseq").endswith("REGISTER"):
            self._registered.put(packet)
        if dialog is None or not packet.get("cseq").endswith("INVITE"):
            return
        dialog.statuses.append(packet.status)
        if packet.status > 100 and ";tag=" in packet.get("to"):
            dialog.remote = packet.get("to")
        if packet.status < 200:
            return
        cseq = int(packet.get("cseq").split()[0])
        if packet.status < 300:
            dialog.target = packet.get("contact").strip("<>").partition(">")[0]
            dialog.routes = packet.all("record-route")[::-1]
            dialog.is_answered = True
            self.send(self._request(dialog, "ACK", cseq, self._branch()))
            return
        self.send(self._request(dialog, "ACK", cseq, dialog.branch))
        if packet.status in (401, 407) and self.password and cseq == 1:
            dialog.cseq = dialog.invite_cseq = 2
            dialog.remote = dialog.remote.partition(";tag=")[0]
            self._invite(dialog, [self._credentials(packet, "INVITE", dialog.target)])
            return
        dialog.is_over = True

    def _asked(self, packet: Packet, dialog: Dialog | None) -> None:
        match packet.method:
            case "INVITE" if dialog is None:
                self._ring(packet)
            case "ACK":
                if dialog:
                    dialog.is_acknowledged = True
            case "CANCEL" if dialog and dialog.invite and self._is_first_final(dialog, answers=False):
                dialog.reason = packet.get("reason")
                self.send(self._response(packet, None, "200 OK"))
                self.send(self._response(dialog.invite, dialog, "487 Request Terminated"))
            case "BYE":
                if dialog:
                    dialog.reason, dialog.is_over = packet.get("reason"), True
                self.send(self._response(packet, None, "200 OK"))
            case "INVITE" if dialog and ";tag=" not in packet.get("to"):
                return  # repeated by a switch that is busy
            case "INVITE" if dialog:
                self.send(self._response(packet, None, "200 OK", with_media=True))
            case _:
                self.send(self._response(packet, None, "200 OK"))

    def _ring(self, packet: Packet) -> None:
        target = packet.get("contact").strip("<>").partition(">")[0]
        local = f"{packet.get('to')};tag={uuid.uuid4().hex[:10]}"
        dialog = Dialog(self, packet.get("call-id"), local, packet.get("from"), target, False, packet)
        dialog.routes = packet.all("record-route")
        self.dialogs.append(dialog)
        threading.Thread(target=self._play, args=(dialog, packet, self.rings), daemon=True).start()

    def _play(self, dialog: Dialog, packet: Packet, rings: Rings) -> None:
        self.send(self._response(packet, None, "100 Trying")) if rings.provisional or rings.final else None
        time.sleep(rings.after_s)
        if rings.provisional and not dialog.is_over:
            words = {180: "180 Ringing", 183: "183 Session Progress"}[rings.provisional]
            self.send(self._response(packet, dialog, words, with_media=rings.with_media))
        if not rings.final:
            return
        time.sleep(max(rings.then_s() if callable(rings.then_s) else rings.then_s, 0.0))
        if not self._is_first_final(dialog, answers=rings.final == 200):
            return
        if rings.final == 200:
            self.answer(dialog)
        else:
            self.send(self._response(packet, dialog, f"{rings.final} As It Is"))

    def _is_first_final(self, dialog: Dialog, *, answers: bool) -> bool:
        """Note that the INVITE has its final answer, once: a phone never gives two, whatever comes at the same time."""
        with self._finals:
            if dialog.is_answered or dialog.is_over:
                return False
            dialog.is_answered, dialog.is_over = answers, not answers
            return True
