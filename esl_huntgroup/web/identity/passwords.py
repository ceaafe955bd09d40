"""
Passwords: which are accepted, and how they are kept.

The rules are those of NIST SP 800-63B-4, section 3.1.1, for a password that alone signs somebody in: at least 15
characters, at least 64 possible, no demands on their kind, no change without a reason, and none that is easily guessed
from what everybody knows of the account. Kept is argon2id with the memory and time that OWASP recommends.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable
from typing import Final

import argon2

from esl_huntgroup.errors import InputError
from esl_huntgroup.web.words import gettext as _

MIN_CHARS: Final = 15
MAX_CHARS: Final = 256
DIFFERENT_MIN: Final = 5
"""So many different characters make a password; ``aaaaaaaaaaaaaaa`` and ``121212121212121`` have fewer."""
AT_ONE_TIME: Final = 2
"""Each hash takes 19 MiB of memory and all of a processor."""
WAIT_S: Final = 5.0
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "0123456789012345678901234", "qwertzuiopasdfghjklyxcvbnm")
_QWERTY: Final = "qwertyuiopasdfghjklzxcvbnm"

_hasher: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turns: Final = threading.BoundedSemaphore(AT_ONE_TIME)
_NOBODYS: Final = _hasher.hash("nobody has this password")
"""What is compared where there is no password, so that it takes as long."""


class TooBusy(Exception):
    """More passwords are to be hashed than this process does at one time."""


def check(password: str, known: Iterable[str] = ()) -> None:
    """Raise InputError unless a password is accepted; ``known`` is what everybody knows: names of the user."""
    plain = _normal(password)
    if len(plain) < MIN_CHARS:
        raise InputError(_("This password is too short: at least %d characters are accepted.") % MIN_CHARS)
    if len(plain) > MAX_CHARS:
        raise InputError(_("This password is too long: at most %d characters are accepted.") % MAX_CHARS)
    if len(set(plain)) < DIFFERENT_MIN or _is_row(plain.casefold()):
        raise InputError(_("This password is easily guessed: several words that do not belong together are accepted."))
    if _without(plain.casefold(), known) < MIN_CHARS // 2:
        raise InputError(_("This password is made of a name that others know: other words are accepted."))


def hashed(password: str) -> str:
    """Return what is stored of a password. Raises TooBusy."""
    with _turn():
        return _hasher.hash(_normal(password))


def is_right(stored: str, password: str) -> bool:
    """
    Return whether this is the password; takes as long where none is stored. Raises TooBusy.

    No password longer than any that is accepted is looked at.
    """
    with _turn():
        try:
            _hasher.verify(stored or _NOBODYS, _normal(password[: MAX_CHARS + 1]))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return bool(stored)


def is_outdated(stored: str) -> bool:
    """Return whether a password is kept with other parameters than those of today."""
    return _hasher.check_needs_rehash(stored)


class _turn:  # noqa: N801  # reads as a word where it is used
    """One of the few hashes at a time."""

    def __enter__(self) -> None:
        if not _turns.acquire(timeout=WAIT_S):
            raise TooBusy

    def __exit__(self, *_: object) -> None:
        _turns.release()


def _normal(password: str) -> str:
    """Return the password in the one Unicode form that NIST recommends, however a keyboard has written it."""
    return unicodedata.normalize("NFKC", password)


def _is_row(plain: str) -> bool:
    """Return whether the password is a row of the alphabet or a keyboard, forwards or backwards."""
    return any(plain in row * 3 or plain[::-1] in row * 3 for row in (*_ROWS, _QWERTY))


def _without(plain: str, known: Iterable[str]) -> int:
    """Return how many characters are left without the words that everybody knows."""
    words = {word for text in (*known, "esl-huntgroup", "huntgroup", "password", "passwort") for word in _words(text)}
    for word in sorted(words, key=len, reverse=True):
        plain = plain.replace(word, "")
    return len(plain)


def _words(text: str) -> Iterable[str]:
    plain = _normal(text).casefold()
    return [word for word in (plain, *plain.split()) if len(word) >= 3]
