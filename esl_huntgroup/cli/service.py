"""``esl-huntgroup service``: what is granted to groups and users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import GROUPS, SERVICES, USERS
from esl_huntgroup.cli.tree import one, tree
from esl_huntgroup.provisioning.admin import reading, services
from esl_huntgroup.provisioning.admin.desk import Desk, unknown
from esl_huntgroup.provisioning.change import Change

service_tree = tree(
    "service", "Services: granted to groups, and so to each member, and to single users.", example="service list"
)
_name = click.argument("name", shell_complete=SERVICES)
_groups = click.option(
    "--group", "groups", multiple=True, help="a group; several times", shell_complete=GROUPS, metavar="NAME"
)
_users = click.option(
    "--user", "users", multiple=True, help="a user; several times", shell_complete=USERS, metavar="NAME"
)


@service_tree.change("add", example="service add fax --description 'Fax by mail'")
@_name
@click.option("--description", default="", help="what people read about it", metavar="TEXT")
def add(desk: Desk, name: str, description: str) -> Iterable[Change]:
    """Add a service that can be granted."""
    return services.add(desk, name, description)


@service_tree.change("set", example="service set fax --description 'Fax by mail, both ways'")
@_name
@click.option("--description", required=True, help="what people read about it", metavar="TEXT")
def change(desk: Desk, name: str, description: str) -> Iterable[Change]:
    """Describe a service anew."""
    return services.change(desk, name, description)


@service_tree.change("grant", example="service grant fax --group Vertrieb --user zoe")
@_name
@_groups
@_users
def grant(desk: Desk, name: str, groups: Sequence[str], users: Sequence[str]) -> Iterable[Change]:
    """Grant a service to groups and users. Grants add up; nothing is forbidden by not granting."""
    return services.grant(desk, name, groups, users)


@service_tree.change("revoke", example="service revoke fax --user zoe")
@_name
@_groups
@_users
def revoke(desk: Desk, name: str, groups: Sequence[str], users: Sequence[str]) -> Iterable[Change]:
    """Take a service back from groups and users."""
    return services.revoke(desk, name, groups, users)


@service_tree.change("remove", example="service remove fax --yes", asks=True)
@_name
def remove(desk: Desk, name: str) -> Iterable[Change]:
    """Remove a service, and every grant of it."""
    return services.remove(desk, name)


@service_tree.view("show", example="service show fax")
@_name
def show(desk: Desk, name: str) -> Mapping[str, Any]:
    """Show a service, and to whom it is granted."""
    return one(reading.services(desk.db, service=name), unknown("service", name))


@service_tree.view("list", example="service list --user anna")
@click.option("--user", help="what this user has, and from which groups", shell_complete=USERS, metavar="NAME")
def list_all(desk: Desk, user: str | None) -> Sequence[Mapping[str, Any]]:
    """List all services, or those of one user."""
    if user is None:
        return reading.services(desk.db)
    desk.user_id(user)
    return reading.services_of(desk.db, user)
