"""
Users and groups as people name them: in whatever Unicode form, a number in whatever writing.

Every command that is given a name or a number finds by these functions what it means; so all find the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import peewee

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_domain, normal_number
from esl_huntgroup.model.text import normal_name


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group that was meant; ``number`` is None where it has none."""

    id: int
    name: str
    domain: str
    number: str | None


def user_id(db: peewee.Database, name: str) -> int | None:
    """Return the id of the user, None where there is none. One query; raises peewee's exceptions."""
    row = execute(db, f"SELECT id FROM users WHERE name = {db.param}", (normal_name(name),)).fetchone()
    return int(row[0]) if row else None


def users_in_other_capitals(db: peewee.Database, name: str) -> list[str]:
    """Return the users whose name differs from this one in capitals alone; none where the name itself is taken."""
    wanted = normal_name(name)
    sql = f"SELECT name FROM users WHERE LOWER(name) = {db.param} ORDER BY name"
    found = [str(row[0]) for row in execute(db, sql, (wanted.lower(),)).fetchall()]
    return [] if wanted in found else found


def groups(db: peewee.Database, what: str) -> list[FoundGroup]:
    """
    Return the group with this name, else those with this number: NUMBER or NUMBER@DOMAIN.

    There can be one in each domain, and there may be none. One query; raises peewee's exceptions.
    """
    name = normal_name(what)
    number, domain = _number_and_domain(name)
    sql = (
        f"SELECT id, name, domain, number FROM {quoted(db, 'groups')} "
        f"WHERE name = {db.param} OR number = {db.param} ORDER BY domain"
    )
    found = [FoundGroup(*row) for row in execute(db, sql, (name, number)).fetchall()]
    by_name = [group for group in found if group.name == name]
    return by_name or [group for group in found if domain in ("", group.domain)]


def _number_and_domain(text: str) -> tuple[str, str]:
    """Return the parts of NUMBER@DOMAIN in their normal form; two empty texts for what is neither."""
    number, at, domain = text.rpartition("@")
    try:
        return normal_number(number if at else text), normal_domain(domain) if at else ""
    except InputError:
        return "", ""


def more_than_one(what: str, found: Sequence[FoundGroup]) -> InputError:
    """Return the refusal of a number that several of these groups have."""
    owners = ", ".join(sorted(f"{group.number}@{group.domain}" for group in found))
    return InputError(f"{what!r} is the number of more than one group: one of {owners} is accepted")
