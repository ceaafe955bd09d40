"""The rights of a user, read from the database; what they mean is in ``web.access``. Raises peewee's exceptions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import peewee

from esl_huntgroup.db.engine import fetch, quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.db.tables import Group, Member, Superior, UserLevel
from esl_huntgroup.model.permissions import Role, SharedGroup, effective, level, reasons
from esl_huntgroup.web.access import ADMINISTRATION, JOURNAL, Access, Colleagues, OwnGroup, access


def access_of(db: peewee.Database, user_id: int) -> Access:
    """Return what a user may see now. Two statements."""
    return access_and_groups(db, user_id)[0]


def access_and_groups(db: peewee.Database, user_id: int) -> tuple[Access, list[OwnGroup]]:
    """Return what a user may see now, and the groups in which he is member, leader or deputy. Two statements."""
    own = own_groups(db, user_id)
    return access(user_id, own, is_administrator=is_administrator(db, user_id)), own


def own_groups(db: peewee.Database, user_id: int) -> list[OwnGroup]:
    """Return the groups in which a user is member, leader or deputy, by name. One statement."""
    found: dict[int, OwnGroup] = {}
    roles: dict[int, set[Role]] = defaultdict(set)
    sql = f"""SELECT g.id, g.name, g.number, g.domain, g.is_active, s.service, r.role FROM (
            SELECT group_id, '{Role.MEMBER.value}' AS role FROM members WHERE user_id = ?
            UNION ALL SELECT group_id, role FROM superiors WHERE user_id = ?) r
        JOIN {quoted(db, "groups")} g ON g.id = r.group_id
        LEFT JOIN group_services s ON s.group_id = g.id AND s.service = ?
        ORDER BY g.name"""
    for group_id, name, number, domain, is_active, service, role in rows(db, sql, (user_id, user_id, JOURNAL)):
        roles[group_id].add(Role(role))
        found[group_id] = OwnGroup(
            group_id, name, number or "", domain, bool(is_active), service is not None, frozenset(roles[group_id])
        )
    return list(found.values())


def every_group(db: peewee.Database) -> list[OwnGroup]:
    """Return all groups by name, without a role: what an administrator can choose from. One statement."""
    sql = f"""SELECT g.id, g.name, g.number, g.domain, g.is_active, s.service FROM {quoted(db, "groups")} g
        LEFT JOIN group_services s ON s.group_id = g.id AND s.service = ? ORDER BY g.name"""
    return [
        OwnGroup(group_id, name, number or "", domain, bool(is_active), service is not None, frozenset())
        for group_id, name, number, domain, is_active, service in rows(db, sql, (JOURNAL,))
    ]


def is_administrator(db: peewee.Database, user_id: int) -> bool:
    """Return whether a user has the service ``administration``, himself or by an active group. One statement."""
    sql = f"""SELECT 1 FROM user_services WHERE user_id = ? AND service = ?
        UNION ALL SELECT 1 FROM members m JOIN {quoted(db, "groups")} g ON g.id = m.group_id
        JOIN group_services s ON s.group_id = m.group_id
        WHERE m.user_id = ? AND s.service = ? AND g.is_active"""
    return bool(rows(db, sql, (user_id, ADMINISTRATION, user_id, ADMINISTRATION)))


def colleagues(db: peewee.Database, user_id: int, others: Collection[int]) -> Colleagues:
    """Return what a user may see of these others. Four statements, however many they are; none for nobody."""
    ids = sorted(set(others))
    if not ids:
        return Colleagues(user_id)
    shared = _shared(db, user_id, ids)
    granted = {
        owner: level(text)
        for owner, text in fetch(
            db,
            UserLevel.select(UserLevel.owner_user, UserLevel.level).where(
                (UserLevel.other_user == user_id) & UserLevel.owner_user.in_(ids)
            ),
        )
    }
    levels = {other: effective(reasons(shared.get(other, ()), granted.get(other))) for other in ids}
    return Colleagues(user_id, levels, _lines(db, ids))


def _shared(db: peewee.Database, user_id: int, ids: Collection[int]) -> dict[int, list[SharedGroup]]:
    mine = Member.alias()
    members = (
        Member.select(Member.user, Group.name, Group.is_active, peewee.Value(Role.MEMBER.value), Group.member_level)
        .join(mine, on=(mine.group == Member.group))
        .join_from(Member, Group, on=(Group.id == Member.group))
        .where(Member.user.in_(ids) & (mine.user == user_id))
    )
    superiors = (
        Member.select(Member.user, Group.name, Group.is_active, Superior.role, Superior.level)
        .join(Superior, on=(Superior.group == Member.group))
        .join_from(Member, Group, on=(Group.id == Member.group))
        .where(Member.user.in_(ids) & (Superior.user == user_id))
    )
    found: dict[int, list[SharedGroup]] = defaultdict(list)
    for other, name, is_active, role, its_level in (*fetch(db, members), *fetch(db, superiors)):
        found[other].append(SharedGroup(name, bool(is_active), {Role(role): level(its_level)}))
    return found


def _lines(db: peewee.Database, ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    sql = f"""SELECT user_id, account, domain FROM {quoted(db, "lines")}
        WHERE user_id IN ({", ".join("?" * len(ids))}) ORDER BY user_id, id"""
    found: dict[int, list[str]] = defaultdict(list)
    for other, account, domain in rows(db, sql, tuple(ids)):
        found[other].append(f"{account}@{domain}")
    return {other: tuple(lines) for other, lines in found.items()}
