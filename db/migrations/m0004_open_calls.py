"""
calls without an end are found without reading the journal.

The second witness looks for them every few seconds. On SQLite and PostgreSQL the index holds nothing but the calls that
are going on. MariaDB has no such indexes: there it is one of all calls, by their end; its rows bring the primary key.
"""

from __future__ import annotations

from collections.abc import Mapping

_PARTIAL = "CREATE INDEX calls_without_end ON calls (node, call_id) WHERE ended_at_ms IS NULL"
_STATEMENTS: Mapping[str, str] = {
    "sqlite": _PARTIAL,
    "postgresql": _PARTIAL,
    "mariadb": "CREATE INDEX IF NOT EXISTS calls_without_end ON calls (ended_at_ms)",
}


def statements(dialect: str) -> list[str]:
    """
    Return the SQL of this version for ``sqlite``, ``postgresql`` or ``mariadb``, in order.

    On MariaDB each statement can be repeated; nowhere it touches the rows. Raises KeyError for an unknown dialect.
    """
    return [_STATEMENTS[dialect]]
