"""Switches that only answer questions: the other side of an inbound event socket."""

from __future__ import annotations

from typing import Any

from gevent.server import StreamServer

NO_SECTION = "can't find anything\n"
XMLSTATUS = (
    "<profile>\n    <registration>\n        <contact>&lt;sip:{account}@{host}&gt;</contact>\n"
    "        <agent>Phone</agent>\n"
    "        <status>Registered(UDP)(unknown) exp(2026-11-23 04:00:00) expsecs(60)</status>\n"
    "    </registration>\n</profile>\n"
)


class AskedSwitch:
    """``registered`` has account@domain → host of the phone; ``xml`` what xml_locate finds, by section."""

    def __init__(self, registered: dict[str, str], xml: dict[str, str] | None = None) -> None:
        self._registered, self._xml = registered, xml or {}
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.address: tuple[str, int] = ("127.0.0.1", self._server.server_port)

    def close(self) -> None:
        self._server.stop()

    def _serve(self, sock: Any, _address: Any) -> None:
        sock.sendall(b"Content-Type: auth/request\n\n")
        with sock.makefile("rb") as lines:
            for line in lines:
                if line.strip():
                    sock.sendall(self._answer(line.decode().strip()))

    def _answer(self, line: str) -> bytes:
        if not line.startswith("api "):
            return b"Content-Type: command/reply\nReply-Text: +OK\n\n"
        body = self._api(*line.removeprefix("api ").partition(" ")[::2]).encode()
        return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)

    def _api(self, name: str, argument: str) -> str:
        if name == "xml_locate":
            return self._xml.get(argument.partition(" ")[0], NO_SECTION)
        if name == "sofia":
            account = argument.rpartition(" ")[2]
            return next(
                (XMLSTATUS.format(account=account[:-1], host=host) for key, host in self._registered.items()
                 if key.startswith(account)),
                "",
            )  # fmt: skip
        assert name == "sofia_contact", name
        address, _, marker = argument.removeprefix("*/").partition("/")
        host = self._registered.get(address)
        return f"{marker}sofia/internal/sip:{address.partition('@')[0]}@{host}" if host else "error/user_not_registered"
