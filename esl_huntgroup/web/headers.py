"""
What every response says to browsers, in one place.

Run nothing but our own files, show this page in no other one, tell no other page where the reader came from, and keep
nothing that belongs to a person.
"""

from __future__ import annotations

from typing import Final

import flask

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send our own forms with "Origin: null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
NOT_KEPT: Final = "no-store"
PLAIN: Final = "text/plain; charset=utf-8"
OUTSIDE: Final = tuple({**HEADERS, "Cache-Control": NOT_KEPT}.items())
"""What is said by a refusal that no application has seen: one of the connection itself."""


def install(app: flask.Flask) -> None:
    """Add the headers to every response of the application."""
    app.after_request(_add)


def _add(response: flask.Response) -> flask.Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    if flask.request.endpoint != "static":
        response.headers["Cache-Control"] = NOT_KEPT
    return response
