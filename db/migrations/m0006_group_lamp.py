"""
a group may have a lamp.

Phones that watch the number of such a group are told whether it rings and talks. A group has none until somebody wants
it.
"""

from __future__ import annotations


def statements(dialect: str) -> list[str]:
    """
    Return the SQL of this version for ``sqlite``, ``postgresql`` or ``mariadb``, in order.

    On MariaDB each statement can be repeated. Raises KeyError for an unknown dialect.
    """
    quote, new = {"sqlite": ('"', ""), "postgresql": ('"', ""), "mariadb": ("`", "IF NOT EXISTS ")}[dialect]
    return [f"ALTER TABLE {quote}groups{quote} ADD COLUMN {new}lamp BOOLEAN NOT NULL DEFAULT FALSE"]
