"""``esl-huntgroup session``: browsers in which members are signed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import USERS
from esl_huntgroup.cli.tree import tree
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change

session_tree = tree(
    "session", "Sessions: browsers in which a user is signed in to the members' page.", example="session list anna"
)


@session_tree.change("end", example="session end anna --dry-run")
@click.argument("name", shell_complete=USERS)
@click.option("--id", "key", type=int, help="only the session with this id; default: all", metavar="ID")
def end(desk: Desk, name: str, key: int | None) -> Iterable[Change]:
    """End the sessions of a user at once, also in pages that are open. Tokens and the password stay."""
    from esl_huntgroup.web.identity import administration

    return administration.end_sessions(desk.db, desk.user_id(name), name, key)


@session_tree.view("list", example="session list anna")
@click.argument("name", shell_complete=USERS)
def list_all(desk: Desk, name: str) -> Sequence[Mapping[str, Any]]:
    """List where a user is signed in, the last seen first."""
    from esl_huntgroup.web.identity import administration, sessions

    return [administration.shown_session(it) for it in sessions.of_user(desk.db, desk.user_id(name))]
