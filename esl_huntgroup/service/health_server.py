"""``/healthz``, ``/readyz`` and ``/metrics``: a small web server in a thread of the supervisor, beside all calls."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from esl_huntgroup.errors import SettingsError
from esl_huntgroup.esl.listener import sharing_the_port
from esl_huntgroup.service.metrics import Status, StatusCollector
from esl_huntgroup.settings import Address

STALE_S: Final = 5.0
"""The status is renewed each second; an older one says that the supervisor itself hangs."""
REQUEST_TIMEOUT_S: Final = 5.0
PLAIN: Final = "text/plain; charset=utf-8"

Answer = tuple[HTTPStatus, str, bytes]


class StatusServer:
    """Answers on one address, or on none."""

    def __init__(self, status: Callable[[], Status]) -> None:
        """Take what returns the Status of now; ``move`` begins to listen."""
        self._status = status
        self._registry = CollectorRegistry()
        self._registry.register(StatusCollector(status))
        self._address: Address | None = None
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """The real port where 0 was asked for; 0 when nothing listens."""
        return int(self._server.server_address[1]) if self._server else 0

    @contextlib.contextmanager
    def moving(self, address: Address | None) -> Iterator[None]:
        """
        Answer on this address once what is done inside has succeeded; None: no more.

        The address is bound before, so nothing has to be put back when something else fails. Raises SettingsError if
        it cannot be bound.
        """
        if address == self._address:
            yield
            return
        server = self._open(*address) if address else None
        try:
            yield
        except BaseException:
            if server:
                server.server_close()
            raise
        self._end()
        self._server, self._address = server, address
        if server:
            threading.Thread(target=server.serve_forever, name="status", daemon=True).start()

    def move(self, address: Address | None) -> None:
        """Answer on this address from now on, None: no more. Raises SettingsError; everything is then as it was."""
        with self.moving(address):
            pass

    def _end(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def _open(self, host: str, port: int) -> ThreadingHTTPServer:
        ours = [self._server.socket] if self._server and port == self.port else []
        try:
            return _Server((host, port), self._answer, ours)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "this is not the name of a host"
            raise SettingsError(
                f"metrics_listen: cannot listen on {host} port {port}: {why}; an address of this machine "
                "and a free port are needed"
            ) from None

    def _answer(self, path: str) -> Answer:
        status = self._status()
        match path.partition("?")[0]:
            case "/healthz":
                return _plain(_why_not_healthy(status))
            case "/readyz":
                return _plain(_why_not_healthy(status) or _why_not_ready(status))
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        return HTTPStatus.NOT_FOUND, PLAIN, b"there are /healthz, /readyz and /metrics\n"


def _plain(complaint: str) -> Answer:
    code = HTTPStatus.SERVICE_UNAVAILABLE if complaint else HTTPStatus.OK
    return code, PLAIN, f"{complaint or 'ok'}\n".encode()


def _why_not_healthy(status: Status) -> str:
    age_s = time.monotonic() - status.at_s
    return f"the supervisor has not looked after the workers for {age_s:.0f} s" if age_s > STALE_S else ""


def _why_not_ready(status: Status) -> str:
    if status.is_stopping:
        return "stopping: no new calls are taken"
    return "" if status.workers_serving else f"none of {status.workers_wanted} workers serves"


class _Server(ThreadingHTTPServer):
    """Closes nothing of the service when it is asked strange things."""

    daemon_threads = True

    def __init__(self, address: Address, answer: Callable[[str], Answer], beside: Sequence[socket.socket]) -> None:
        """Listen on the address, beside sockets of ours that may have the same port on another one."""
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.answer = answer
        super().__init__(address, _Handler, bind_and_activate=False)
        try:
            with sharing_the_port([*beside, self.socket] if beside else []):
                self.server_bind()
                self.server_activate()
        except BaseException:
            self.server_close()
            raise

    def server_bind(self) -> None:
        """Bind, and do not ask the name service for a name of this address, which can take as long as it likes."""
        TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has gone, or sends no HTTP."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_TIMEOUT_S
    server_version = "esl-huntgroup"
    sys_version = ""

    def do_GET(self) -> None:  # http.server asks for this name
        code, content_type, body = self.server.answer(self.path)
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's own name
        """Say nothing: a probe comes every few seconds."""
