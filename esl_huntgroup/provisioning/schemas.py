"""
PURE: what the files that administrators write may contain, as marshmallow schemas, down to the single value.

The schemas turn every value into its normal form. What depends on other values, or on the database, is decided in
``load_plan``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, missing, pre_load

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_account, normal_number, stored_domain
from esl_huntgroup.model.text import accepted
from esl_huntgroup.provisioning.model import ATTRIBUTES, Attribute
from esl_huntgroup.provisioning.values import (
    NONE,
    UNREADABLE,
    content,
    description,
    display_name,
    flag,
    group_name,
    level_or_none,
    line_kind,
    overflow,
    overflow_outcome,
    service_name,
    shown,
    superior,
    user_name,
)

# The names of the arguments of _deserialize are marshmallow's, used or not.


class Checked(fields.Field[Any]):
    """A text that a function checks and brings into its normal form."""

    def __init__(self, check: Callable[[str], object], **options: Any) -> None:
        """Take the function; it raises InputError with the sentence for people."""
        super().__init__(**options)
        self._check = check

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """Check a text at once; what else marshmallow does with a value takes half the time of a load."""
        if isinstance(value, str):
            return _checked(self._check, value)
        if value is missing and not self.required:
            return missing
        return super().deserialize(value, attr, data, **options)

    def _deserialize(self, value: object, attr: str | None, data: object, **_options: object) -> object:  # noqa: ARG002
        if not isinstance(value, str):
            raise _refused(f"{shown(value)} stands there: a single value is accepted")
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
            raise _refused(f"{shown(value)} stands there: a mapping from users to levels is accepted")
        found: dict[str, str | None] = {}
        problems: list[str] = []
        for other, granted in value.items():
            try:
                found[user_name(other)] = level_or_none(granted)
            except InputError as error:
                problems.append(str(error))
        if problems:
            raise ValidationError(problems, valid_data=found)
        return found


class Overflows(fields.Field[Any]):
    """A mapping from outcomes to where the callers go."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_options: object) -> object:  # noqa: ARG002
        if not isinstance(value, dict):
            raise _refused(f"{shown(value)} stands there: a mapping from outcomes is accepted")
        problems: dict[str, list[str]] = {}
        found = {}
        for outcome, where in value.items():
            try:
                found[overflow_outcome(outcome)] = overflow(where)
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
    domain = Checked(stored_domain)
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


def _attribute(attribute: Attribute) -> Checked:
    if not attribute.is_optional:
        return Checked(attribute.check)
    return Checked(lambda text: None if text == NONE else attribute.check(text))


_GroupAttributes: Any = _FileSchema.from_dict(
    {"name": Checked(group_name, required=True), **{it.name: _attribute(it) for it in ATTRIBUTES}},
    name="GroupAttributes",
)


class GroupSchema(_GroupAttributes):  # type: ignore[misc]  # made of the declarations of model
    """A user group, its group number and its members in order."""

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
        raise _refused(str(error)) from error


def _refused(sentence: str) -> ValidationError:
    return ValidationError(sentence, valid_data=UNREADABLE)  # type: ignore[arg-type]  # a field's data is anything
