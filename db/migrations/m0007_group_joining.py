"""
a ringing call can be joined, in groups that want it.

By a phone that registers while the group rings, and by pickup; and a group may wait for phones when none is registered.
"""

from __future__ import annotations


def statements(dialect: str) -> list[str]:
    """
    Return the SQL of this version for ``sqlite``, ``postgresql`` or ``mariadb``, in order.

    On MariaDB each statement can be repeated. Raises KeyError for an unknown dialect.
    """
    new = {"sqlite": "", "postgresql": "", "mariadb": "IF NOT EXISTS "}[dialect]
    quote = "`" if dialect == "mariadb" else '"'
    return [
        f"ALTER TABLE {quote}groups{quote} ADD COLUMN {new}{column} BOOLEAN NOT NULL DEFAULT FALSE"
        for column in ("joinable", "wait_for_phones")
    ]
