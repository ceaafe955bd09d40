"""PURE: from which page a request comes, by what browsers say of it; and which addresses are our own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_FROM_US: Final = frozenset({"same-origin", "none"})
NEXT_MAX_CHARS: Final = 2000


def is_own_page(site: str | None, origin: str | None, url: str, host_url: str) -> bool:
    """
    Return whether no browser says that another page has sent this.

    ``site`` and ``origin`` are the headers ``Sec-Fetch-Site`` and ``Origin``. ``url`` is the address of the page, empty
    where none is set: then it is the one that was asked, ``host_url``. A program says nothing of this kind; what it
    sends is judged by what else it holds.
    """
    if site is not None and site not in _FROM_US:
        return False
    return origin is None or (_origin(origin) or "none") == _origin(url or host_url)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        return (parts.scheme, parts.hostname, port) if parts.hostname else None
    except ValueError:
        return None


def own_path(text: str, otherwise: str = "/") -> str:
    """Return the address if it is a path of this page, which leads a browser nowhere else; else another one."""
    is_path = text.startswith("/") and not text.startswith(("//", "/\\"))
    is_plain = text.isprintable() and "\\" not in text and len(text) <= NEXT_MAX_CHARS
    return text if is_path and is_plain else otherwise
