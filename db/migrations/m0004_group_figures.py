"""
the figures of a group are counted in an index.

The index of the calls by group holds what the figures are made of as well: the calls of a group stand next to each
other there, and far apart in the table. It takes the place of the one that had the group and the call alone.
"""

from __future__ import annotations

_COLUMNS = "group_id, call_id, arrived_at_ms, outcome, wait_ms, talk_ms"


def statements(dialect: str) -> list[str]:
    """
    Return the SQL of this version for ``sqlite``, ``postgresql`` or ``mariadb``, in order.

    On MariaDB each statement can be repeated. Raises KeyError for an unknown dialect.
    """
    new, old = {"sqlite": ("", ""), "postgresql": ("", ""), "mariadb": ("IF NOT EXISTS ", "IF EXISTS ")}[dialect]
    of_table = " ON calls" if dialect == "mariadb" else ""
    return [
        f"CREATE INDEX {new}calls_by_group_figures ON calls ({_COLUMNS})",
        f"DROP INDEX {old}calls_by_group{of_table}",
    ]
