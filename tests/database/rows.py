"""Rows for the tests, written as a plain SQL client would write them."""

from __future__ import annotations

from typing import Any

import peewee

from esl_huntgroup.db.engine import execute, insert_rows, quoted
from esl_huntgroup.db.tables import TABLES

DOMAIN = "example.org"


def insert(db: peewee.Database, table: str, **values: object) -> None:
    insert_rows(db, table, list(values), [tuple(values.values())])


def user(db: peewee.Database, user_id: int, name: str = "") -> int:
    insert(db, "users", id=user_id, name=name or f"user{user_id}", display_name=f"User {user_id}")
    return user_id


def line(db: peewee.Database, user_id: int, number: str, domain: str = DOMAIN, **values: object) -> None:
    insert(db, "lines", user_id=user_id, domain=domain, number=number, **{"account": number, **values})


def group(db: peewee.Database, number: str | None, name: str = "", domain: str = DOMAIN, **values: object) -> None:
    mode = {"hunt_mode": "softphone"} if number else {}
    insert(db, "groups", name=name or f"group {number}", domain=domain, number=number, **{**mode, **values})


def everything(db: peewee.Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    names = [str(meta.table_name) for meta in (table._meta for table in TABLES)]
    return {name: sorted(_rows(db, name), key=repr) for name in names}


def _rows(db: peewee.Database, table: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in execute(db, f"SELECT * FROM {quoted(db, table)}").fetchall()]


def owners(db: peewee.Database) -> set[tuple[str, str, str]]:
    """Return who owns which number, as the registry says."""
    return set(execute(db, "SELECT domain, number, owner_kind FROM numbers").fetchall())
