"""URLs and errors: what is accepted, what is said, and that a password is never in it."""

from __future__ import annotations

import sys

import peewee
import pytest

from esl_huntgroup.db.engine import describe, dialect, execute, insert_rows, open_database, safe_url
from esl_huntgroup.db.migrate import version
from esl_huntgroup.errors import DatabaseError, InputError
from tests.database.rows import user


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("sqlite:///firm.db", "sqlite", "sqlite:///firm.db"),
        ("sqlite:////srv/firm%20a.db", "sqlite", "sqlite:////srv/firm a.db"),
        ("postgresql://u:pw@db.example/firm", "postgresql", "postgresql://db.example/firm"),
        ("postgresql://u:p%40w@[::1]:5433/firm", "postgresql", "postgresql://::1:5433/firm"),
        ("postgresql:///firm?host=/run/postgresql", "postgresql", "postgresql:///run/postgresql/firm"),
        ("mariadb://u:pw@db.example:3307/firm", "mariadb", "mariadb://db.example:3307/firm"),
        ("mysql://u@localhost/firm?unix_socket=/run/s", "mariadb", "mariadb://localhost/firm"),
    ],
)
def test_a_url_opens_its_database_and_is_shown_without_the_password(url: str, kind: str, shown: str) -> None:
    db = open_database(url)
    assert dialect(db) == kind
    assert describe(db) == shown


ACCEPTED = "sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or mariadb://USER:PASSWORD@HOST/NAME is accepted"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", f"'' is not a database URL: {ACCEPTED}"),
        ("firm.db", f"'firm.db' is not a database URL: {ACCEPTED}"),
        ("oracle://u:secret@h/firm", f"'oracle://u:***@h/firm' is not a database URL: {ACCEPTED}"),
        ("postgresql://u:secret@h:port/firm", f"'postgresql://u:***@h:port/firm' is not a database URL: {ACCEPTED}"),
        (
            "sqlite://firm.db",
            "'sqlite://firm.db' names no file: sqlite:///RELATIVE or sqlite:////ABSOLUTE is accepted "
            "(three or four slashes)",
        ),
        (
            "sqlite:///:memory:",
            "'sqlite:///:memory:' names no file: sqlite:///RELATIVE or sqlite:////ABSOLUTE is accepted "
            "(three or four slashes)",
        ),
        (
            "postgresql://u:sec@ret/secret@h/firm",
            f"'postgresql://u:***@h/firm' does not end in the name of a database: {ACCEPTED}, "
            "with '@', '/', '?' and '#' in the password written as %40, %2F, %3F and %23",
        ),
        (
            "mariadb://u:secret@h",
            f"'mariadb://u:***@h' does not end in the name of a database: {ACCEPTED}, "
            "with '@', '/', '?' and '#' in the password written as %40, %2F, %3F and %23",
        ),
        (
            "postgresql://h/firm?password=secret",
            "the database URL has the option 'password': application_name, host, sslcert, sslkey, sslmode, "
            "sslrootcert are accepted",
        ),
    ],
)
def test_a_bad_url_is_one_sentence_without_the_password(url: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        open_database(url)
    assert str(refused.value) == sentence
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("postgresql://u:secret@h/n", "postgresql://u:***@h/n"),
        ("postgresql://u:s@e:c/r@et@h/n", "postgresql://u:***@h/n"),
        ("postgresql://h/n?user=u&password=secret&x=1", "postgresql://h/n?user=u&password=***&x=1"),
        ("sqlite:////a:b/c.db", "sqlite:////a:b/c.db"),
        ("postgresql://h:5432/n", "postgresql://h:5432/n"),
    ],
)
def test_a_safe_url_holds_no_password(url: str, safe: str) -> None:
    assert safe_url(url) == safe


@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [("postgresql://h/n", "psycopg", "postgresql"), ("mariadb://h/n", "pymysql", "mariadb")],
)
def test_a_missing_driver_is_named_with_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, driver: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(DatabaseError) as missing:
        open_database(url)
    assert str(missing.value).endswith(f"install it with pip, in the clone: pip install '.[{extra}]'")


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_server_that_is_not_there_is_one_sentence(scheme: str) -> None:
    db = open_database(f"{scheme}://u:secret@127.0.0.1:1/firm")
    with pytest.raises(DatabaseError) as gone:
        version(db)
    assert str(gone.value).startswith(f"the database {scheme}://127.0.0.1:1/firm cannot be used: ")
    assert "\n" not in str(gone.value)
    assert "secret" not in str(gone.value)


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 1000])
def test_rows_are_inserted_all_and_once(database: peewee.Database, count: int) -> None:
    user(database, 1, "taken")
    rows = [(f"u{number}", "x" if number else "Zoë 💡") for number in range(count)]
    for _ in range(2):
        insert_rows(database, "users", ("name", "display_name"), rows, once=True)
    stored = execute(database, "SELECT name, display_name FROM users WHERE name <> 'taken'").fetchall()
    assert sorted(stored) == sorted(rows)
    with pytest.raises(peewee.IntegrityError):
        insert_rows(database, "users", ("name", "display_name"), [("taken", "x")])
