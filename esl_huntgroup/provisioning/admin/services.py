"""Services: what can be granted to groups and to single users. A grant adds; not granting forbids nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import DESCRIPTION_MAX_CHARS, SERVICE_NAME_MAX_CHARS
from esl_huntgroup.provisioning.admin import reading
from esl_huntgroup.provisioning.admin.desk import Desk, exists
from esl_huntgroup.provisioning.change import Change, Shown


def service_name(text: str) -> str:
    """Return the name of a service, in any script. Raises InputError when it is empty, too long or not printable."""
    name = unicodedata.normalize("NFC", text.strip())
    if name and name.isprintable() and len(name) <= SERVICE_NAME_MAX_CHARS:
        return name
    raise InputError(
        f"{text!r} is not the name of a service: 1 to {SERVICE_NAME_MAX_CHARS} printable characters are accepted"
    )


def description(text: str) -> str:
    """Return what people read about a service. Raises InputError when it is too long or not printable."""
    words = unicodedata.normalize("NFC", text.strip())
    if words.isprintable() and len(words) <= DESCRIPTION_MAX_CHARS:
        return words
    raise InputError(f"{text!r} is not a description: up to {DESCRIPTION_MAX_CHARS} printable characters are accepted")


def add(desk: Desk, name: str, about: str = "") -> Iterator[Change]:
    """Add a service that can be granted."""
    name = service_name(name)
    if reading.services(desk.db, service=name):
        raise exists("service", name)
    desk.insert("services", name=name, description=description(about))
    yield Change("add", "service", name, None, _shown(desk, name))


def change(desk: Desk, name: str, about: str) -> Iterator[Change]:
    """Describe a service anew."""
    desk.require_service(name)
    before = _shown(desk, name)
    desk.update("services", {"name": name}, {"description": description(about)})
    yield Change("set", "service", name, before, _shown(desk, name))


def remove(desk: Desk, name: str) -> Iterator[Change]:
    """Remove a service, and every grant of it."""
    desk.require_service(name)
    before = _shown(desk, name)
    desk.delete("services", name=name)
    yield Change("remove", "service", name, before, None)


def grant(desk: Desk, name: str, groups: Sequence[str], users: Sequence[str]) -> Iterator[Change]:
    """Grant a service to groups, and so to each of their members, and to single users. Again does no harm."""

    def give(table: str, key: dict[str, object]) -> None:
        desk.delete(table, **key)
        desk.insert(table, **key)

    yield _granted(desk, name, groups, users, give)


def revoke(desk: Desk, name: str, groups: Sequence[str], users: Sequence[str]) -> Iterator[Change]:
    """Take a service back from groups and users who have it. Raises InputError for one who has not."""
    shown = reading.services(desk.db, service=name)
    for kind, wanted in (("group", groups), ("user", users)):
        for one in wanted:
            if shown and one not in shown[0][f"{kind}s"]:
                raise InputError(
                    f"{kind} {one!r} has not been granted service {name!r}: "
                    "one that `esl-huntgroup service show` names is accepted"
                )
    yield _granted(desk, name, groups, users, lambda table, key: desk.delete(table, **key))


def _granted(
    desk: Desk,
    name: str,
    groups: Sequence[str],
    users: Sequence[str],
    write: Callable[[str, dict[str, object]], None],
) -> Change:
    desk.require_service(name)
    if not groups and not users:
        raise InputError("nobody is named: --group or --user is accepted, several times")
    before = _shown(desk, name)
    for group in groups:
        write("group_services", {"group_id": desk.group_id(group), "service": name})
    for user in users:
        write("user_services", {"user_id": desk.user_id(user), "service": name})
    return Change("set", "service", name, before, _shown(desk, name))


def _shown(desk: Desk, name: str) -> Shown:
    return reading.services(desk.db, service=name)[0]
