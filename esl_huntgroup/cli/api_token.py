"""``esl-huntgroup token``: what programs show to the API of the members' page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import USERS
from esl_huntgroup.cli.tree import tree, words
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change

SCOPES = ("journal", "handle", "events")
token_tree = tree(
    "token", "Tokens: what programs of a user show to the API of the members' page.", example="token list anna"
)


@token_tree.give("add", example="token add anna dashboard --scope journal --scope events")
@click.argument("name", shell_complete=USERS)
@click.argument("token")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="what it may, once for each: journal (read), handle (mark calls), events (live)",
    metavar="SCOPE",
    shell_complete=words(SCOPES),
)
@click.option("--days", type=int, default=90, show_default=True, help="how long it is valid", metavar="DAYS")
def add(desk: Desk, name: str, token: str, scopes: tuple[str, ...], days: int) -> tuple[Change, str, str]:
    """Make a token, which may at most what the user may, and print it this once."""
    from esl_huntgroup.web.identity import administration

    return administration.add_token(desk.db, desk.user_id(name), name, token, scopes=scopes, days=days)


@token_tree.change("remove", example="token remove anna dashboard")
@click.argument("name", shell_complete=USERS)
@click.argument("token")
def remove(desk: Desk, name: str, token: str) -> Iterable[Change]:
    """Remove a token; it is refused from then on."""
    from esl_huntgroup.web.identity import administration

    return [administration.remove_token(desk.db, desk.user_id(name), name, token)]


@token_tree.view("list", example="token list anna")
@click.argument("name", shell_complete=USERS)
def list_all(desk: Desk, name: str) -> Sequence[Mapping[str, Any]]:
    """List the tokens of a user by name, also those that have expired."""
    from esl_huntgroup.web.identity import administration, tokens

    return [administration.shown_token(it) for it in tokens.of_user(desk.db, desk.user_id(name))]
