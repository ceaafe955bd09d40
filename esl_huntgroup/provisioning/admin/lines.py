"""Lines: the numbers at which users are reached."""

from __future__ import annotations

from collections.abc import Sequence

from esl_huntgroup.model.group import LineKind
from esl_huntgroup.model.numbers import normal_number
from esl_huntgroup.provisioning.admin import reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change, Shown
from esl_huntgroup.provisioning.edits import people
from esl_huntgroup.provisioning.store import Scope


def add(
    desk: Desk,
    user: str,
    number: str,
    *,
    domain: str | None = None,
    kind: str = LineKind.SOFTPHONE.value,
    account: str | None = None,
) -> Sequence[Change]:
    """Give a user a line; without an account the number registers."""
    key = desk.line_key(number, domain)
    return desk.change(
        Scope(users=[user], lines=[key]), lambda now: people.add_line(now, user, key, kind=kind, account=account)
    )


def change(
    desk: Desk,
    number: str,
    *,
    domain: str | None = None,
    new_number: str | None = None,
    user: str | None = None,
    kind: str | None = None,
    account: str | None = None,
) -> Sequence[Change]:
    """Change the number, the user, the kind or the account of a line."""
    key = desk.line_key(number, domain)
    new_key = key if new_number is None else (key[0], normal_number(new_number))
    return desk.change(
        Scope(lines=[key, new_key]),
        lambda now: people.change_line(now, key, new_number=new_key[1], user=user, kind=kind, account=account),
    )


def remove(desk: Desk, number: str, *, domain: str | None = None) -> Sequence[Change]:
    """Remove a line; its number is free then."""
    key = desk.line_key(number, domain)
    return desk.change(Scope(lines=[key]), lambda now: people.remove_line(now, key))


def found(desk: Desk, number: str, domain: str | None) -> Shown:
    """Return the line with this number. Raises InputError when there is none."""
    key = desk.line_key(number, domain)
    lines = reading.lines(desk.db, domain=key[0], number=key[1])
    if not lines:
        raise people.no_line(key)
    return lines[0]
