"""Lines: the numbers at which users are reached."""

from __future__ import annotations

from collections.abc import Iterator

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import LineKind
from esl_huntgroup.model.numbers import normal_account, normal_number
from esl_huntgroup.provisioning.admin import reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.admin.reading import address
from esl_huntgroup.provisioning.change import Change, Shown
from esl_huntgroup.provisioning.schemas import line_kind


def add(
    desk: Desk,
    user: str,
    number: str,
    *,
    domain: str | None = None,
    kind: str = LineKind.SOFTPHONE.value,
    account: str | None = None,
) -> Iterator[Change]:
    """Give a user a line; without an account the number registers."""
    user_id, number, kind = desk.user_id(user), normal_number(number), line_kind(kind)
    account = normal_account(number if account is None else account)
    domain = desk.domain(domain, f"line {number}")
    desk.require_free(domain, number, f"user {user!r} cannot have the line")
    desk.insert("lines", user_id=user_id, domain=domain, number=number, kind=kind, account=account)
    yield Change("add", "line", address(number, domain), None, found(desk, number, domain))


def change(
    desk: Desk,
    number: str,
    *,
    domain: str | None = None,
    new_number: str | None = None,
    user: str | None = None,
    kind: str | None = None,
    account: str | None = None,
) -> Iterator[Change]:
    """Change the number, the user, the kind or the account of a line."""
    before = found(desk, number, domain)
    key = {"domain": before["domain"], "number": before["number"]}
    values: dict[str, object] = {}
    if new_number is not None and normal_number(new_number) != before["number"]:
        values["number"] = normal_number(new_number)
        what = f"user {user or before['user']!r} cannot have the line"
        desk.require_free(before["domain"], normal_number(new_number), what)
    if user is not None:
        values["user_id"] = desk.user_id(user)
    if kind is not None:
        values["kind"] = line_kind(kind)
    if account is not None:
        values["account"] = normal_account(account)
    desk.update("lines", key, values)
    after = reading.lines(desk.db, domain=before["domain"], number=str(values.get("number", before["number"])))[0]
    yield Change("set", "line", address(before["number"], before["domain"]), before, after)


def remove(desk: Desk, number: str, *, domain: str | None = None) -> Iterator[Change]:
    """Remove a line; its number is free then."""
    yield line_removed(desk, found(desk, number, domain))


def found(desk: Desk, number: str, domain: str | None) -> Shown:
    """Return the line with this number. Raises InputError when there is none."""
    number = normal_number(number)
    domain = desk.domain(domain, f"line {number}")
    lines = reading.lines(desk.db, domain=domain, number=number)
    if not lines:
        raise InputError(
            f"there is no line {number} in {domain}: a number that `esl-huntgroup line list` shows is accepted"
        )
    return lines[0]


def line_removed(desk: Desk, line: Shown) -> Change:
    """Remove a line that was read just now."""
    desk.delete("lines", domain=line["domain"], number=line["number"])
    return Change("remove", "line", address(line["number"], line["domain"]), line, None)
