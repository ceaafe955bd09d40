"""What whoever asks may see, read once in a request."""

from __future__ import annotations

from dataclasses import dataclass

import flask
import peewee

from esl_huntgroup.web.access import Access, OwnGroup
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import person, somebody
from esl_huntgroup.web.reading.rights import access_and_groups, every_group


@dataclass(frozen=True, slots=True)
class Seen:
    """The access of whoever asks, the groups of which the frame shows a link, and those with own entries."""

    access: Access
    groups: tuple[OwnGroup, ...]
    member_groups: tuple[OwnGroup, ...]

    def group(self, group_id: int) -> OwnGroup | None:
        """Return a group of which something is seen, None for every other one."""
        return next((group for group in self.groups if group.id == group_id), None)


def seen() -> Seen:
    """Return what whoever is signed in may see. Two statements in a request, for administrators three."""
    found: Seen | None = flask.g.get("huntgroup_seen")
    if found is None:
        found = flask.g.huntgroup_seen = _read(around().db, somebody().user_id)
    return found


def groups_seen() -> tuple[OwnGroup, ...]:
    """Return the groups that the frame leads to; none for nobody, and where the database is out of order."""
    try:
        return seen().groups if person() is not None else ()
    except peewee.PeeweeException:
        return ()


def _read(db: peewee.Database, user_id: int) -> Seen:
    its_access, own = access_and_groups(db, user_id)
    all_groups = [group for group in every_group(db) if group.number] if its_access.is_administrator else own
    return Seen(
        its_access,
        tuple(group for group in all_groups if its_access.sees_group_page(group.id)),
        tuple(group for group in own if group.id in its_access.member_groups),
    )
