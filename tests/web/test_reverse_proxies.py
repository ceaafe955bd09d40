"""The examples for nginx and Caddy, with the programs themselves: TLS, who asks from where, and events at once."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import peewee
import pytest

from esl_huntgroup.db.engine import execute
from esl_huntgroup.web import clock
from esl_huntgroup.web.identity import sessions
from tests.database.servers import free_port
from tests.web import firm
from tests.web.streams import ROOT, Web

EXAMPLES = ROOT / "docs" / "reverse-proxy"
HOST = "calls.example.org"
CLIENT = "127.0.0.2"
"""Another address of this machine than the proxy's."""
START_S = 60.0
NONE: Mapping[str, str] = {}
THERE = {"Origin": f"https://{HOST}"}


@dataclass
class Proxy:
    """A proxy that runs, with its certificate, and its ports for https and http."""

    certificate: Path
    port: int
    plain_port: int

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] = NONE, *, plain: bool = False, body: str = ""
    ) -> tuple[int, str, dict[str, str]]:
        named = {"Host": HOST, **headers}
        with contextlib.closing(self.connect(plain=plain)) as connection:
            connection.request(method, path, body=body or None, headers=named)
            response = connection.getresponse()
            try:
                said = response.read()
            except http.client.IncompleteRead as cut:  # who refuses a request before its end closes the connection
                said = cut.partial
            return response.status, said.decode(), dict(response.getheaders())

    def connect(self, *, plain: bool = False) -> http.client.HTTPConnection:
        """Return a connection from another address of this machine, by TLS unless it is to be plain."""
        connection = http.client.HTTPConnection(HOST)
        address = "127.0.0.1", self.plain_port if plain else self.port
        connection.sock = socket.create_connection(address, 10, source_address=(CLIENT, 0))
        if not plain:
            context = ssl.create_default_context(cafile=str(self.certificate))
            connection.sock = context.wrap_socket(connection.sock, server_hostname=HOST)
        return connection


@pytest.fixture
def page(sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Run the page as the examples say that it is set up."""
    firm.set_up(sqlite)
    settings = {
        "WEB_URL": f"https://{HOST}",
        "WEB_TRUSTED_PROXIES": "127.0.0.1",
        "WEB_USER_HEADER": "X-Remote-User",
    }
    web = Web(sqlite_url, tmp_path, settings=settings)
    web.begin()
    try:
        wait(lambda: "ok" in web.get("/healthz"), web.log)
        yield web
    finally:
        web.stop()


def wait(is_there: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if is_there():
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "nothing has been logged")


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, page: Web, tmp_path: Path) -> Iterator[Proxy]:
    program = shutil.which(request.param, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip(f"{request.param} is not installed (Debian package: {request.param})")
    found = Proxy(certificate(tmp_path), free_port(), free_port())
    write, arguments = {"nginx": (nginx, ["-c"]), "caddy": (caddy, ["run", "--config"])}[request.param]
    command = [program, *arguments, str(write(tmp_path, found, page.port))]
    environment = os.environ | dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
    log = tmp_path / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        wait(lambda: found.ask("GET", "/healthz")[1] == "ok\n", log)
        yield found
    finally:
        process.terminate()
        process.wait(10)


def nginx(folder: Path, proxy: Proxy, page_port: int) -> Path:
    """Put the example into a configuration that needs no rights."""
    example = (EXAMPLES / "nginx.conf").read_text()
    example = example.replace("listen 443 ", f"listen 127.0.0.1:{proxy.port} ")
    example = example.replace("listen 80;", f"listen 127.0.0.1:{proxy.plain_port};")
    example = example.replace("127.0.0.1:8090", f"127.0.0.1:{page_port}")
    example = re.sub(r"/etc/letsencrypt/\S+/(\w+\.pem)", rf"{folder}/\1", example)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{example}\n}}"
    )
    return file


def caddy(folder: Path, proxy: Proxy, page_port: int) -> Path:
    """Give the example ports and a certificate of its own."""
    example = (EXAMPLES / "Caddyfile").read_text().replace("127.0.0.1:8090", f"127.0.0.1:{page_port}")
    tls = f"bind 127.0.0.1\n\ttls {folder}/fullchain.pem {folder}/privkey.pem\n\t"
    example = example.replace(f"{HOST} {{\n\t", f"{HOST} {{\n\t{tls}")
    file = folder / "Caddyfile"
    options = f"admin off\n\tgrace_period 1s\n\thttps_port {proxy.port}\n\thttp_port {proxy.plain_port}"
    file.write_text(f"{{\n\t{options}\n}}\n{example}")
    return file


def certificate(folder: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-days", "2"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return folder / "fullchain.pem"


@pytest.fixture
def cookie(sqlite: peewee.Database) -> str:
    secret = sessions.begin(sqlite, firm.ANNA, "password", clock.now_ms())
    return f"__Host-huntgroup-session={secret}"


def test_people_come_by_tls_and_from_their_own_address(proxy: Proxy, cookie: str, sqlite: peewee.Database) -> None:
    status, text, headers = proxy.ask("GET", "/sign-in", {"Accept": "text/html"})
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in headers["Set-Cookie"]
    form_cookie = headers["Set-Cookie"].partition(";")[0]
    token = text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = urlencode({"csrf_token": token, "name": "anna", "password": "falsch geraten"})
    sent = {"Cookie": form_cookie, "Content-Type": "application/x-www-form-urlencoded"}
    assert proxy.ask("POST", "/sign-in", sent | THERE, body=form)[0] == 403
    assert "Name or password is wrong." in proxy.ask("POST", "/sign-in", sent | THERE, body=form)[1]
    assert "from another page" in proxy.ask("POST", "/sign-in", sent | {"Origin": f"http://{HOST}"}, body=form)[1]
    assert proxy.ask("GET", "/account", {"Accept": "text/html", "Cookie": cookie})[0] == 200
    assert execute(sqlite, "SELECT count(*) FROM web_sessions").fetchone()[0] == 1


def test_plain_http_leads_to_tls(proxy: Proxy) -> None:
    status, _text, headers = proxy.ask("GET", "/account", plain=True)
    assert status in (301, 308)
    assert headers["Location"].startswith(f"https://{HOST}")


def test_the_address_of_a_client_is_its_own_whatever_it_says(proxy: Proxy, page: Web) -> None:
    _status, text, headers = proxy.ask("GET", "/sign-in")
    token = text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = urlencode({"csrf_token": token, "name": "anna", "password": "falsch geraten"})
    sent = {
        "Cookie": headers["Set-Cookie"].partition(";")[0],
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": "192.0.2.66",
        "X-Real-IP": "192.0.2.66",
        "Forwarded": "for=192.0.2.66",
    }
    assert proxy.ask("POST", "/sign-in", sent, body=form)[0] == 403
    assert f"'anna' from {CLIENT} was refused" in page.log_text()


@pytest.mark.parametrize("name", ["X-Remote-User", "x-remote-user", "X_Remote_User"])
def test_nobody_names_a_user_past_the_proxy(proxy: Proxy, name: str) -> None:
    connection = proxy.connect()
    with contextlib.closing(connection):
        connection.request("GET", "/api/v1/me", headers={"Host": HOST, name: "anna"})
        assert connection.getresponse().status == 401


def test_an_event_comes_at_once(proxy: Proxy, cookie: str, sqlite: peewee.Database) -> None:
    connection = proxy.connect()
    connection.request("GET", "/events", headers={"Host": HOST, "Cookie": cookie, "Accept": "text/event-stream"})
    with contextlib.closing(connection), contextlib.closing(connection.getresponse()) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        read_until(response, b"id: ", 3)  # where the stream begins
        began = time.monotonic()
        firm.Caller(sqlite).is_missed(firm.Caller(sqlite).opens())
        read_until(response, b"event: call", 3)
        assert time.monotonic() - began < 2


def read_until(response: http.client.HTTPResponse, wanted: bytes, within_s: float) -> None:
    deadline, data = time.monotonic() + within_s, b""
    while wanted not in data:
        assert time.monotonic() < deadline, data
        data += response.read1(65536)


def test_the_metrics_are_not_for_those_who_come_by_the_proxy(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/metrics")[0] == 404


def test_a_request_that_is_too_large_is_refused(proxy: Proxy) -> None:
    assert proxy.ask("POST", "/sign-in", body="x" * 70_000)[0] == 413
