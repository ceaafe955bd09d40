"""Services: what can be granted to groups and to single users. A grant adds; not granting forbids nothing."""

from __future__ import annotations

from collections.abc import Sequence

from esl_huntgroup.provisioning import store
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.edits import services
from esl_huntgroup.provisioning.store import Scope
from esl_huntgroup.provisioning.values import service_name


def add(desk: Desk, name: str, about: str = "") -> Sequence[Change]:
    """Add a service that can be granted."""
    name = service_name(name)
    return desk.change(Scope(services=[name]), lambda now: services.add_service(now, name, about))


def change(desk: Desk, name: str, about: str) -> Sequence[Change]:
    """Describe a service anew."""
    return desk.change(Scope(services=[name]), lambda now: services.change_service(now, name, about))


def remove(desk: Desk, name: str) -> Sequence[Change]:
    """Remove a service, and every grant of it."""
    return desk.change(store.scope_about_service(desk.db, name), lambda now: services.remove_service(now, name))


def grant(desk: Desk, name: str, groups: Sequence[str], users: Sequence[str]) -> Sequence[Change]:
    """Grant a service to groups, and so to each of their members, and to single users. Again does no harm."""
    scope = Scope(services=[name], groups=groups, users=users)
    return desk.change(scope, lambda now: services.grant_service(now, name, groups, users))


def revoke(desk: Desk, name: str, groups: Sequence[str], users: Sequence[str]) -> Sequence[Change]:
    """Take a service back from groups and users who have it. Raises InputError for one who has not."""
    scope = Scope(services=[name], groups=groups, users=users)
    return desk.change(scope, lambda now: services.revoke_service(now, name, groups, users))
