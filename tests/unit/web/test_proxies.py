"""What proxies say counts only when they are trusted."""

from __future__ import annotations

from typing import Any

import pytest

from esl_huntgroup.web.proxies import TrustedProxies

NETWORKS = ("127.0.0.1/32", "10.0.0.0/8", "fd00::/64")


def asked(
    remote: str = "127.0.0.1", url: str = "", networks: tuple[str, ...] = NETWORKS, **environ: str
) -> dict[str, Any]:
    """Return what the application behind sees of a request."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        seen.update(environ)
        return []

    given = {"REMOTE_ADDR": remote, "wsgi.url_scheme": "http", "HTTP_HOST": "inside:8090", "PATH_INFO": "/", **environ}
    TrustedProxies(application, networks, "X-Remote-User", url)(given, lambda *_: None)
    return seen


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("127.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, nonsense", "127.0.0.1"),
        ("nonsense, 10.1.1.1", "10.1.1.1"),
        ("", "127.0.0.1"),
        (" , ,", "127.0.0.1"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_not_trusted(forwarded: str, client: str) -> None:
    assert asked(HTTP_X_FORWARDED_FOR=forwarded)["REMOTE_ADDR"] == client


@pytest.mark.parametrize("remote", ["127.0.0.1", "::ffff:127.0.0.1", "10.9.9.9", "fd00::7"])
def test_a_trusted_proxy_says_scheme_host_and_user(remote: str) -> None:
    seen = asked(
        remote,
        HTTP_X_FORWARDED_PROTO="http, https",
        HTTP_X_FORWARDED_HOST="evil, calls.example.org",
        HTTP_X_REMOTE_USER="anna",
    )
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "calls.example.org"
    assert seen["HTTP_X_REMOTE_USER"] == "anna"


@pytest.mark.parametrize("remote", ["192.0.2.7", "::1", "fd00:0:0:1::7", "", "nonsense"])
def test_everybody_else_says_nothing(remote: str) -> None:
    seen = asked(
        remote,
        HTTP_X_FORWARDED_FOR="192.0.2.9",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="evil",
        HTTP_X_REMOTE_USER="anna",
    )
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == (remote, "http", "inside:8090")
    assert "HTTP_X_REMOTE_USER" not in seen


def test_without_trusted_networks_nobody_is() -> None:
    seen = asked(networks=(), HTTP_X_FORWARDED_FOR="192.0.2.9", HTTP_X_REMOTE_USER="anna")
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert "HTTP_X_REMOTE_USER" not in seen


@pytest.mark.parametrize("path", ["/calls/account", "/account"])
def test_a_path_before_the_page_is_there_whether_the_proxy_takes_it_off_or_not(path: str) -> None:
    seen = asked(url="https://example.org/calls", PATH_INFO=path)
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/calls", "/account")
    assert asked(url="https://example.org/calls", PATH_INFO="/calls")["PATH_INFO"] == "/"
    assert asked(url="https://example.org/calls", PATH_INFO="/callsign")["PATH_INFO"] == "/callsign"
