"""``esl-huntgroup line``: the numbers of users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import USERS
from esl_huntgroup.cli.tree import Changing, tree, words
from esl_huntgroup.model.group import LineKind
from esl_huntgroup.provisioning.admin import lines, reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change

line_tree = tree("line", "Lines: the numbers at which users are reached.", example="line list --user anna")
_domain = click.option("--domain", help="default: the setting default_domain", metavar="DOMAIN")
_account = click.option("--account", help="the user part of the SIP account", metavar="ACCOUNT")


def _kind(default: str | None) -> Callable[[Changing], Changing]:
    return click.option(
        "--kind",
        default=default,
        show_default=default is not None,
        shell_complete=words(LineKind),
        help=" or ".join(LineKind),
        metavar="KIND",
    )


@line_tree.change("add", example="line add anna 101 --kind softphone")
@click.argument("user", shell_complete=USERS)
@click.argument("number")
@_domain
@_kind(LineKind.SOFTPHONE.value)
@_account
def add(desk: Desk, **given: Any) -> Iterable[Change]:
    """Give a user a line. Without --account the number itself registers."""
    return lines.add(desk, **given)


@line_tree.change("set", example="line set 101 --user bernd")
@click.argument("number")
@_domain
@click.option("--number", "new_number", help="the new number; the SIP account stays (--account)", metavar="NUMBER")
@click.option("--user", help="the new user", shell_complete=USERS, metavar="NAME")
@_kind(None)
@_account
def change(desk: Desk, **given: Any) -> Iterable[Change]:
    """Change the number, user, kind or account of a line; the account, by which the phone registers, stays else."""
    return lines.change(desk, **given)


@line_tree.change("remove", example="line remove 101 --yes", asks=True)
@click.argument("number")
@_domain
def remove(desk: Desk, **given: Any) -> Iterable[Change]:
    """Remove a line; its number is free then."""
    return lines.remove(desk, **given)


@line_tree.view("show", example="line show 101")
@click.argument("number")
@_domain
def show(desk: Desk, number: str, domain: str | None) -> Mapping[str, Any]:
    """Show a line and its user."""
    return lines.found(desk, number, domain)


@line_tree.view("list", example="line list --user anna")
@click.option("--user", help="only the lines of this user", shell_complete=USERS, metavar="NAME")
def list_all(desk: Desk, user: str | None) -> Sequence[Mapping[str, Any]]:
    """List lines by domain and number."""
    if user is not None:
        desk.user_id(user)
    return reading.lines(desk.db, user=user)
