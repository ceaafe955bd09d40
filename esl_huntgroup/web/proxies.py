"""
Reverse proxies in front of the page: what they say of a request counts, and what anybody else says of it does not.

werkzeug's ProxyFix counts hops and believes whoever connects. Here the address that connects must be in one of the
trusted networks; then the client is the rightmost address of ``X-Forwarded-For`` that is not a trusted proxy itself, as
each proxy adds the one that it saw. What everybody else forwards is read by nobody, and the header that names a user is
taken away from them. ``Forwarded`` (RFC 7239) is not read: neither nginx nor Caddy sends it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """A WSGI application before which trusted proxies may stand."""

    def __init__(self, application: Application, networks: Iterable[str], user_header: str = "", url: str = "") -> None:
        """Take the networks of the proxies, the header in which they name a user, and the address of the page."""
        self._application = application
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._user_header = f"HTTP_{user_header.upper().replace('-', '_')}" if user_header else ""
        self._prefix = urlsplit(url).path.rstrip("/")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, with the client's own address in ``REMOTE_ADDR``."""
        if self._is_trusted(_ip(environ.get("REMOTE_ADDR", ""))):
            self._believe(environ)
        elif self._user_header:
            environ.pop(self._user_header, None)
        self._place(environ)
        return self._application(environ, start_response)

    def _believe(self, environ: dict[str, Any]) -> None:
        environ["REMOTE_ADDR"] = self._client(environ)
        scheme = _last(environ.get("HTTP_X_FORWARDED_PROTO", ""))
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(environ.get("HTTP_X_FORWARDED_HOST", ""))
        if host:
            environ["HTTP_HOST"] = host

    def _client(self, environ: dict[str, Any]) -> str:
        """Return the rightmost address that is no trusted proxy; where all are, the one furthest away."""
        found = str(environ["REMOTE_ADDR"])
        for text in _from_the_right(environ.get("HTTP_X_FORWARDED_FOR", "")):
            ip = _ip(text)
            if ip is None:
                return found
            found = str(ip)
            if not self._is_trusted(ip):
                return found
        return found

    def _is_trusted(self, ip: Ip | None) -> bool:
        return ip is not None and any(ip in network for network in self._networks)

    def _place(self, environ: dict[str, Any]) -> None:
        """Let addresses begin with the path under which members open the page, whether a proxy takes it off or not."""
        if not self._prefix:
            return
        environ["SCRIPT_NAME"] = self._prefix
        path: str = environ.get("PATH_INFO", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"


def _ip(text: str) -> Ip | None:
    """Return an address, IPv4 also where it came as IPv6, with or without a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()


def _from_the_right(header: str) -> Iterator[str]:
    return (part for part in reversed(header.split(",")) if part.strip())
