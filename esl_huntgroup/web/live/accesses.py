"""What those may see who have pages open: the rights of many users at once. Raises peewee's exceptions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import peewee

from esl_huntgroup.db.engine import portions, quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.model.permissions import Role
from esl_huntgroup.web.access import JOURNAL, Access, OwnGroup, access


def accesses(db: peewee.Database, user_ids: Collection[int]) -> Mapping[int, Access]:
    """Return what these users may see, without those who do not exist. Two statements for each 500."""
    found: dict[int, Access] = {}
    for ids in portions(sorted(user_ids)):
        found |= _accesses(db, ids)
    return found


def _accesses(db: peewee.Database, ids: Sequence[int]) -> dict[int, Access]:
    marks = ", ".join("?" * len(ids))
    sql = f"""SELECT r.user_id, r.role, g.id, g.is_active, s.service FROM (
            SELECT user_id, group_id, '{Role.MEMBER.value}' AS role FROM members WHERE user_id IN ({marks})
            UNION ALL SELECT user_id, group_id, role FROM superiors WHERE user_id IN ({marks})) r
        JOIN {quoted(db, "groups")} g ON g.id = r.group_id
        LEFT JOIN group_services s ON s.group_id = g.id AND s.service = ?"""
    groups: dict[int, list[OwnGroup]] = defaultdict(list)
    for user_id, role, group_id, is_active, service in rows(db, sql, (*ids, *ids, JOURNAL)):
        roles = frozenset({Role(role)})
        groups[user_id].append(OwnGroup(group_id, "", "", "", bool(is_active), service is not None, roles))
    existing = rows(db, f"SELECT id FROM users WHERE id IN ({marks})", ids)
    return {user_id: access(user_id, groups[user_id]) for (user_id,) in existing}
