"""
PURE: what the files that administrators write may contain, as marshmallow schemas, down to the single value.

The schemas turn every value into its normal form. What depends on other values, or on the database, is decided in
``load_plan``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load

from esl_huntgroup.errors import InputError
from esl_huntgroup.model import permissions
from esl_huntgroup.model.group import OVERFLOW_OUTCOMES, HuntMode, LineKind, Overflow, OverflowAction
from esl_huntgroup.model.limits import (
    DESCRIPTION_MAX_CHARS,
    DISPLAY_NAME_MAX_CHARS,
    GROUP_NAME_MAX_CHARS,
    RING_TIMEOUT_MAX_S,
    RING_TIMEOUT_MIN_S,
    RINGBACK_MAX_CHARS,
    SERVICE_NAME_MAX_CHARS,
    TARGET_MAX_CHARS,
    USER_NAME_MAX_CHARS,
)
from esl_huntgroup.model.numbers import normal_account, normal_domain, normal_number
from esl_huntgroup.model.text import accepted
from esl_huntgroup.provisioning.model import Content, Superior

_USER_NAME = re.compile(r"[^\W_][\w.@+-]*")
_TARGET = re.compile(r"[A-Za-z0-9_.+*#-]+ XML [A-Za-z0-9_.-]+", re.ASCII)
_RINGBACK = re.compile(r"[A-Za-z0-9_./:%(),=+-]*", re.ASCII)
NONE = "none"
"""What stands in a file where something is to be taken away."""

_STATUS = re.compile(r"[456][0-9][0-9]", re.ASCII)


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
    """Return the name of a service. Raises InputError when it is empty, too long or not printable."""
    return _printable(text, SERVICE_NAME_MAX_CHARS)


def description(text: str) -> str:
    """Return a description, which may be empty. Raises InputError when it is too long or not printable."""
    return _printable(text, DESCRIPTION_MAX_CHARS) if text.strip() else ""


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


def number_or_none(text: str) -> str | None:
    """Return a number in normal form, None for ``none``. Raises InputError."""
    return None if text == NONE else normal_number(text)


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
    raise InputError(f"{_shown(value)} is not a superior: '{{user: NAME, level: LEVEL}}' or '{NONE}' is accepted")


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
        f"{_shown(value)} is no content: the name of a user or '{{name: NAME, number: NUMBER}}' is accepted"
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


def ringback(text: str) -> str:
    """Return what the caller hears. Raises InputError for characters that FreeSWITCH might read as something else."""
    if _RINGBACK.fullmatch(text) and len(text) <= RINGBACK_MAX_CHARS:
        return text
    raise InputError(
        f"{text!r} is not a ringback: letters, digits and '_./:%(),=+-' are accepted, without blanks, "
        f"at most {RINGBACK_MAX_CHARS} characters"
    )


def transfer_target(text: str) -> str:
    """
    Return ``EXTENSION XML CONTEXT`` for an extension with or without the other two.

    Raises InputError for anything that FreeSWITCH would not take as exactly these three words.
    """
    whole = " ".join(text.split()) if len(text.split()) != 1 else f"{text.strip()} XML default"
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
        f"{_shown(value)} is not an overflow: 'dialplan', 'transfer: EXTENSION' or 'respond: STATUS' is accepted"
    )


_TARGETS: Mapping[str, Callable[[str], str]] = {"transfer": transfer_target, "respond": sip_status}


# The names of the arguments of _deserialize are marshmallow's, used or not.


class Checked(fields.Field[Any]):
    """A text that a function checks and brings into its normal form."""

    def __init__(self, check: Callable[[str], object], **options: Any) -> None:
        """Take the function; it raises InputError with the sentence for people."""
        super().__init__(**options)
        self._check = check

    def _deserialize(self, value: object, attr: str | None, data: object, **_options: object) -> object:  # noqa: ARG002
        if not isinstance(value, str):
            raise ValidationError(f"{_shown(value)} stands there: a single value is accepted")
        return _checked(self._check, value)


class Whole(fields.Field[Any]):
    """A value that a function checks as a whole, be it a text or a mapping."""

    def __init__(self, check: Callable[[object], object], **options: Any) -> None:
        """Take the function; it raises InputError with the sentence for people."""
        super().__init__(**options)
        self._check = check

    def _deserialize(self, value: object, attr: str | None, data: object, **_options: object) -> object:  # noqa: ARG002
        return _checked(self._check, value)


class Levels(fields.Field[Any]):
    """A mapping from users to what is granted to them."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_options: object) -> object:  # noqa: ARG002
        if not isinstance(value, dict) or not all(isinstance(it, str) for it in value.values()):
            raise ValidationError(f"{_shown(value)} stands there: a mapping from users to levels is accepted")
        return {_checked(user_name, other): _checked(level_or_none, granted) for other, granted in value.items()}


class Overflows(fields.Field[Any]):
    """A mapping from outcomes to where the callers go."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_options: object) -> object:  # noqa: ARG002
        if not isinstance(value, dict):
            raise ValidationError(f"{_shown(value)} stands there: a mapping from outcomes is accepted")
        problems: dict[str, list[str]] = {}
        found = {}
        for outcome, where in value.items():
            try:
                found[_overflow_outcome(outcome)] = overflow(where)
            except InputError as error:
                problems[outcome] = [str(error)]
        if problems:
            raise ValidationError(problems)
        return found


class _FileSchema(Schema):
    """What all schemas of files share: unknown keys are refused, with those that are known."""

    class Meta:
        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        """Name the accepted keys in the sentences."""
        super().__init__(**options)
        self.error_messages = {
            "unknown": f"there is no such key: {accepted(self.fields)}",
            "type": f"a mapping with the keys {', '.join(self.fields)} is accepted here",
        }


class LineSchema(_FileSchema):
    """A line of a user; its number alone will do."""

    number = Checked(normal_number, required=True)
    domain = Checked(normal_domain)
    kind = Checked(line_kind)
    account = Checked(normal_account)
    remove = Checked(flag)

    @pre_load
    def number_alone(self, data: object, **_options: object) -> object:
        """Read a text as the number of a line."""
        return {"number": data} if isinstance(data, str) else data


class UserSchema(_FileSchema):
    """A user and the lines that reach this user."""

    name = Checked(user_name, required=True)
    display_name = Checked(display_name)
    lines = fields.List(fields.Nested(LineSchema))
    services = fields.List(Checked(service_name))
    levels = Levels()
    remove = Checked(flag)


class GroupSchema(_FileSchema):
    """A user group, its group number and its members in order."""

    name = Checked(group_name, required=True)
    number = Checked(number_or_none)
    domain = Checked(normal_domain)
    is_active = Checked(flag)
    hunt_mode = Checked(hunt_mode)
    ring_timeout_s = Checked(ring_timeout_s)
    ringback = Checked(ringback)
    member_level = Checked(level)
    members = fields.List(Checked(user_name))
    leader = Whole(superior)
    deputy = Whole(superior)
    services = fields.List(Checked(service_name))
    favourites = fields.List(Whole(content))
    monitor = fields.List(Whole(content))
    overflow = Overflows()
    remove = Checked(flag)


class ServiceSchema(_FileSchema):
    """Something that can be granted to users and groups."""

    name = Checked(service_name, required=True)
    description = Checked(description)
    remove = Checked(flag)


class FileSchema(_FileSchema):
    """The whole file."""

    services = fields.List(fields.Nested(ServiceSchema), load_default=list)
    users = fields.List(fields.Nested(UserSchema), load_default=list)
    groups = fields.List(fields.Nested(GroupSchema), load_default=list)


for _schema in (LineSchema, UserSchema, GroupSchema, ServiceSchema, FileSchema):
    for _field in _schema._declared_fields.values():
        _field.error_messages |= {
            "required": "the key is missing",
            "invalid": "a list is accepted here",
        }


FILE = FileSchema()
"""The ready instance. Building one is slow; loading with it is not."""


def _checked(check: Callable[[Any], object], value: object) -> object:
    try:
        return check(value)
    except InputError as error:
        raise ValidationError(str(error)) from error


def _overflow_outcome(text: str) -> Any:
    for outcome in OVERFLOW_OUTCOMES:
        if text == outcome:
            return outcome
    raise InputError(f"{text!r} is not an outcome with an overflow: {accepted(sorted(OVERFLOW_OUTCOMES))}")


def _one_of(kind: type[LineKind], text: str, what: str) -> str:
    if text in {member.value for member in kind}:
        return text
    raise InputError(f"{text!r} is not a {what}: {', '.join(kind)} are accepted")


def _printable(text: str, chars_max: int) -> str:
    name = unicodedata.normalize("NFC", text.strip())
    if name and name.isprintable() and len(name) <= chars_max:
        return name
    raise InputError(f"{text!r} is not a name: 1 to {chars_max} printable characters are accepted")


def _shown(value: object) -> str:
    """Return a value of the file for a sentence, however large it is."""
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else value[:80] + "...")
    return "a list" if isinstance(value, list) else "a mapping"
