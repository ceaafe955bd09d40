"""which process carried a call."""

from __future__ import annotations

from collections.abc import Mapping

_NEW: Mapping[str, str] = {"sqlite": "", "postgresql": "", "mariadb": "IF NOT EXISTS "}


def statements(dialect: str) -> list[str]:
    """
    Return the SQL of this version for ``sqlite``, ``postgresql`` or ``mariadb``, in order.

    On MariaDB each statement can be repeated; nowhere it touches the rows. Raises KeyError for an unknown dialect.
    """
    return [f"ALTER TABLE calls ADD COLUMN {_NEW[dialect]}worker VARCHAR(96) NOT NULL DEFAULT ''"]
