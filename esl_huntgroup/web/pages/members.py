"""Who is in a group, and has which lines: what the database knows of who would ring; the switch knows the rest."""

from __future__ import annotations

from dataclasses import dataclass

import peewee

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.model.group import HuntMode


@dataclass(frozen=True, slots=True)
class State:
    """Whether a group rings anybody at all."""

    is_active: bool
    hunt_mode: str
    number: str
    domain: str
    ring_timeout_s: int

    @property
    def rings(self) -> bool:
        """Whether a call to it can ring anybody."""
        return self.is_active and self.hunt_mode == HuntMode.SOFTPHONE and bool(self.number)


@dataclass(frozen=True, slots=True)
class MemberNow:
    """A member in the order of the group, with the softphones that would ring, ACCOUNT@DOMAIN, and other lines."""

    position: int
    name: str
    softphones: tuple[str, ...]
    other_lines: int


def of_group(db: peewee.Database, group_id: int) -> State:
    """Return whether a group that is there rings anybody. One statement; raises peewee's exceptions."""
    columns = "is_active, hunt_mode, number, domain, ring_timeout_s"
    sql = f"SELECT {columns} FROM {quoted(db, 'groups')} WHERE id = {db.param}"
    is_active, hunt_mode, number, domain, ring_timeout_s = execute(db, sql, (group_id,)).fetchone()
    return State(bool(is_active), hunt_mode, number or "", domain, int(ring_timeout_s))


def members_of(db: peewee.Database, group_id: int) -> list[MemberNow]:
    """Return the members of a group in their order. One statement; raises peewee's exceptions."""
    sql = f"""SELECT m.position, u.display_name, l.kind, l.account, l.domain
        FROM members m JOIN users u ON u.id = m.user_id LEFT JOIN {quoted(db, "lines")} l ON l.user_id = u.id
        WHERE m.group_id = {db.param} ORDER BY m.position, l.id"""
    found: dict[int, MemberNow] = {}
    for position, name, kind, account, domain in execute(db, sql, (group_id,)).fetchall():
        before = found.get(position, MemberNow(position, name, (), 0))
        softphones, others = before.softphones, before.other_lines
        if kind == "softphone":
            softphones = (*softphones, f"{account}@{domain}")
        elif kind is not None:
            others += 1
        found[position] = MemberNow(position, name, softphones, others)
    return list(found.values())
