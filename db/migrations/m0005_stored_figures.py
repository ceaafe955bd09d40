"""
the figures of days that are over are stored, and a call writes less into indexes.

``group_figures`` has what there was in a group on one day of UTC, as ``web.reading.days`` writes it: only what the
journal says, so that it may be emptied at any moment. A group that is deleted takes its days along.

``figures_marks`` says which of these days may be believed (``journal.figures_marks``).

Two indexes cost every call more than they gave. That of the calls by group has no more than group and call again: what
is counted when somebody asks is a few days. That of the entries by kind leaves out the kinds that are everywhere, on
SQLite and PostgreSQL: the next ones are found from the newest call on, and no rows of others lie between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_WORDS: Mapping[str, Mapping[str, str]] = {
    "sqlite": {"new": "", "clustered": " WITHOUT ROWID", "text": "TEXT"},
    "postgresql": {"new": "", "clustered": "", "text": "TEXT"},
    "mariadb": {
        "new": "IF NOT EXISTS ",
        "clustered": " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
        "text": "LONGTEXT",
    },
}

_TABLES = """
CREATE TABLE {new}group_figures (
    group_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    figures {text} NOT NULL,
    PRIMARY KEY (group_id, day),
    CONSTRAINT group_figures_group_id FOREIGN KEY (group_id) REFERENCES "groups" (id) ON DELETE CASCADE
){clustered};

CREATE TABLE {new}figures_marks (
    name VARCHAR(16) NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
){clustered}
"""

_INDEXES: Mapping[str, Sequence[str]] = {
    "mariadb": (
        "CREATE INDEX IF NOT EXISTS calls_by_group ON calls (group_id, call_id)",
        "DROP INDEX IF EXISTS calls_by_group_figures ON calls",
    ),
    "others": (
        "CREATE INDEX calls_by_group ON calls (group_id, call_id)",
        "DROP INDEX calls_by_group_figures",
        "DROP INDEX journal_entries_by_kind",
        """CREATE INDEX journal_entries_by_kind ON journal_entries (kind, call_id)
    WHERE kind <> 'answered_elsewhere' AND kind <> 'missed'""",
    ),
}


def statements(dialect: str) -> list[str]:
    """
    Return the SQL of this version for ``sqlite``, ``postgresql`` or ``mariadb``, in order.

    On MariaDB each statement can be repeated. Raises KeyError for an unknown dialect.
    """
    sql = [statement.strip() for statement in _TABLES.format(**_WORDS[dialect]).split(";")]
    sql += _INDEXES["mariadb" if dialect == "mariadb" else "others"]
    return [statement.replace('"', "`") for statement in sql] if dialect == "mariadb" else sql
