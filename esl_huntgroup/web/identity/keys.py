"""Secrets that the page gives out: 256 random bits, of which only the SHA-256 is stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

SECRET_BYTES: Final = 32
_FORM: Final = b"form"


def new_secret() -> str:
    """Return 256 random bits as 43 characters that stand in an address or a header as they are."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hashed(secret: str) -> str:
    """Return what is stored of a secret. It has 256 bits, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(secret: str) -> str:
    """Return what a form must hold that this browser sends: known to nobody who does not know its cookie."""
    mac = hmac.digest(secret.encode("utf-8", "surrogatepass"), _FORM, hashlib.sha256)
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def is_form_token(secret: str, given: str) -> bool:
    """Return whether a form holds what this browser was given; takes as long for a wrong one as for a right one."""
    return hmac.compare_digest(form_token(secret).encode(), given.encode("utf-8", "surrogatepass"))
