"""
PURE: single values that administrators write, each checked and brought into its normal form.

A file, an import and a command take the same ones. Each function raises InputError with a sentence that says what was
read and what would be accepted.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

from esl_huntgroup.errors import InputError
from esl_huntgroup.model import permissions
from esl_huntgroup.model.group import OVERFLOW_OUTCOMES, HuntMode, LineKind, Overflow, OverflowAction
from esl_huntgroup.model.limits import (
    DESCRIPTION_MAX_CHARS,
    DISPLAY_NAME_MAX_CHARS,
    GROUP_NAME_MAX_CHARS,
    RING_TIMEOUT_MAX_S,
    RING_TIMEOUT_MIN_S,
    SERVICE_NAME_MAX_CHARS,
    TARGET_MAX_CHARS,
    USER_NAME_MAX_CHARS,
)
from esl_huntgroup.model.numbers import normal_number
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.model.text import accepted

_USER_NAME = re.compile(r"[^\W_][\w.@+-]*")
_TARGET = re.compile(r"[A-Za-z0-9_.+*#-]+ XML [A-Za-z0-9_.-]+", re.ASCII)

DEFAULT_CONTEXT = "default"
"""The context of a transfer target that names none."""
NONE = "none"
"""What stands in a file where something is to be taken away."""
UNREADABLE = ""
"""What stands in the place of a value that was refused, so that the others keep theirs. No accepted value is empty."""

_STATUS = re.compile(r"[456][0-9][0-9]", re.ASCII)


class Superior(NamedTuple):
    """Who leads a group, or deputizes, and the level that this gives on the members."""

    user: str
    level: str


class Content(NamedTuple):
    """One place in a prepared list: a user, or somebody else with a name and a number."""

    user: str = ""
    name: str = ""
    number: str = ""


@functools.lru_cache(4096)
def user_name(text: str) -> str:
    """Return the key of a user, in one Unicode form. Raises InputError when it is not one word."""
    name = unicodedata.normalize("NFC", text.strip())
    letters = "".join(char for char in name if unicodedata.category(char)[0] != "M")  # vowels of many scripts are marks
    if not _USER_NAME.fullmatch(letters) or name[0] != letters[0] or len(name) > USER_NAME_MAX_CHARS:
        raise InputError(
            f"{text!r} is not the name of a user: one word of letters, digits and '.', '_', '-', '+', '@' is accepted, "
            f"at most {USER_NAME_MAX_CHARS} characters"
        )
    return name


def display_name(text: str) -> str:
    """Return a name for people, in any script. Raises InputError when it is empty, too long or not printable."""
    return _printable(text, DISPLAY_NAME_MAX_CHARS)


def group_name(text: str) -> str:
    """Return the name of a group, in any script. Raises InputError when it is empty, too long or not printable."""
    return _printable(text, GROUP_NAME_MAX_CHARS)


def service_name(text: str) -> str:
    """Return the name of a service, in any script. Raises InputError when it is empty, too long or not printable."""
    return _printable(text, SERVICE_NAME_MAX_CHARS, "the name of a service")


def description(text: str) -> str:
    """Return a description, which may be empty. Raises InputError when it is too long or not printable."""
    words = unicodedata.normalize("NFC", text.strip())
    if words.isprintable() and len(words) <= DESCRIPTION_MAX_CHARS:
        return words
    raise InputError(f"{text!r} is not a description: up to {DESCRIPTION_MAX_CHARS} printable characters are accepted")


def flag(text: str) -> bool:
    """Return yes or no. Raises InputError for anything but ``true`` and ``false``."""
    if text in ("true", "false"):
        return text == "true"
    raise InputError(f"{text!r} is neither: true, false are accepted")


def level(text: str) -> str:
    """Return a permission level. Raises InputError for an unknown one."""
    return permissions.level(text).word


def level_or_none(text: str) -> str | None:
    """Return a permission level, None for ``none``. Raises InputError."""
    return None if text == NONE else level(text)


def superior(value: object) -> Superior | None:
    """Return who leads or deputizes, None for ``none``. Raises InputError."""
    if value == NONE:
        return None
    if (
        isinstance(value, dict)
        and set(value) == {"user", "level"}
        and all(isinstance(it, str) for it in value.values())
    ):
        return Superior(user_name(value["user"]), level(value["level"]))
    raise InputError(f"{shown(value)} is not a superior: '{{user: NAME, level: LEVEL}}' or '{NONE}' is accepted")


def content(value: object) -> Content:
    """Return one place in a prepared list: the name of a user, or a name and a number. Raises InputError."""
    if isinstance(value, str):
        return Content(user=user_name(value))
    if (
        isinstance(value, dict)
        and set(value) == {"name", "number"}
        and all(isinstance(it, str) for it in value.values())
    ):
        return Content(name=display_name(value["name"]), number=normal_number(value["number"]))
    raise InputError(
        f"{shown(value)} is no content: the name of a user or '{{name: NAME, number: NUMBER}}' is accepted"
    )


def line_kind(text: str) -> str:
    """Return the kind of a line. Raises InputError for an unknown one."""
    return _one_of(LineKind, text, "kind of line")


def hunt_mode(text: str) -> str:
    """Return the hunt mode. Raises InputError for an unknown one."""
    if text in {mode.value for mode in HuntMode}:
        return text
    raise InputError(f"{text!r} is not a hunt mode: disabled and those of the setting hunt_modes are accepted")


def ring_timeout_s(text: str) -> int:
    """Return the ring limit in seconds. Raises InputError when it is no whole number or out of range."""
    if re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) and RING_TIMEOUT_MIN_S <= int(text) <= RING_TIMEOUT_MAX_S:
        return int(text)
    raise InputError(
        f"{text!r} is not a ring limit: whole seconds from {RING_TIMEOUT_MIN_S} to {RING_TIMEOUT_MAX_S} are accepted"
    )


def transfer_target(text: str) -> str:
    """
    Return ``EXTENSION XML CONTEXT`` for an extension with or without the other two.

    Raises InputError for anything that FreeSWITCH would not take as exactly these three words.
    """
    whole = " ".join(text.split()) if len(text.split()) != 1 else f"{text.strip()} XML {DEFAULT_CONTEXT}"
    if _TARGET.fullmatch(whole) and len(whole) <= TARGET_MAX_CHARS:
        return whole
    raise InputError(f"{text!r} is not a transfer target: 'EXTENSION' or 'EXTENSION XML CONTEXT' is accepted")


def sip_status(text: str) -> str:
    """Return a SIP status that ends a call. Raises InputError for any but 400 to 699 (RFC 3261, 7.2)."""
    if _STATUS.fullmatch(text):
        return text
    raise InputError(f"{text!r} is not a SIP status to refuse a call with: 400 to 699 is accepted")


def overflow(value: object) -> Overflow:
    """Return where a caller goes: ``dialplan``, ``{transfer: TARGET}`` or ``{respond: STATUS}``. Raises InputError."""
    if value == OverflowAction.DIALPLAN:
        return Overflow(OverflowAction.DIALPLAN)
    if isinstance(value, dict) and len(value) == 1:
        ((action, target),) = value.items()
        check = _TARGETS.get(action)
        if check is not None and isinstance(target, str):
            return Overflow(OverflowAction(action), check(target))
    raise InputError(
        f"{shown(value)} is not an overflow: 'dialplan', 'transfer: EXTENSION' or 'respond: STATUS' is accepted"
    )


_TARGETS: Mapping[str, Callable[[str], str]] = {"transfer": transfer_target, "respond": sip_status}


def overflow_outcome(text: str) -> Outcome:
    """Return an outcome after which a caller goes somewhere. Raises InputError for any other."""
    for outcome in OVERFLOW_OUTCOMES:
        if text == outcome:
            return outcome
    raise InputError(f"{text!r} is not an outcome with an overflow: {accepted(sorted(OVERFLOW_OUTCOMES))}")


def _one_of(kind: type[HuntMode] | type[LineKind], text: str, what: str) -> str:
    if text in {member.value for member in kind}:
        return text
    raise InputError(f"{text!r} is not a {what}: {', '.join(kind)} are accepted")


def _printable(text: str, chars_max: int, what: str = "a name") -> str:
    name = unicodedata.normalize("NFC", text.strip())
    if name and name.isprintable() and len(name) <= chars_max:
        return name
    raise InputError(f"{text!r} is not {what}: 1 to {chars_max} printable characters are accepted")


def shown(value: object) -> str:
    """Return a value of the file for a sentence, however large it is."""
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else value[:80] + "...")
    return "a list" if isinstance(value, list) else "a mapping"
