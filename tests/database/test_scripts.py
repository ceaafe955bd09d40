"""The scripts under db/scripts, run as an administrator runs them, on every database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import peewee
import pytest

from esl_huntgroup.db import migrate
from esl_huntgroup.db.engine import execute, insert_rows, open_database
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.export import export
from esl_huntgroup.provisioning.load import load_file
from esl_huntgroup.provisioning.store import read_inventory
from tests.database.conftest import NewDatabase
from tests.database.rows import DOMAIN, line
from tests.database.test_journal import missed, opened, people, whole

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "db" / "scripts"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(url: str, tmp_path: Path) -> Run:
    """Give what runs a script on a database of each kind; ``esl-huntgroup`` is the one under test."""
    return runner(url, tmp_path)


def runner(url: str, folder: Path) -> Run:
    program = folder / "bin" / "esl-huntgroup"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m esl_huntgroup "$@"\n')
    program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if "ESL_HUNTGROUP" not in name} | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ESL_HUNTGROUP_DATABASE": url,
        "ESL_HUNTGROUP_DEFAULT_DOMAIN": DOMAIN,
    }

    def run(script: str, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPTS / script), *arguments]
        return subprocess.run(
            command, env=environment, cwd=folder, input=answer, capture_output=True, text=True, check=False
        )

    return run


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_script_says_how_it_is_used_and_stops_at_the_first_error() -> None:
    scripts = sorted(SCRIPTS.iterdir())
    readme = (ROOT / "db" / "README.md").read_text(encoding="utf-8")
    packaged = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for script in scripts:
        lines = script.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "#!/bin/bash"
        assert lines[1].startswith("# ")
        assert "set -euo pipefail" in lines
        assert os.access(script, os.X_OK)
        told = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
        assert lines[1].removeprefix("# ") in told
        assert f"{script.name} " in told
        assert f"| `{script.name}" in readme
        assert f"db/scripts/{script.name}\n" in packaged


def test_from_the_first_employee_to_the_last(database: peewee.Database, run: Run) -> None:
    done(run("new-employee", "anna", "Anna 'die' Bärg", "101"))
    done(run("new-employee", "ben", "Ben", "102"))
    done(run("new-team", "Vertrieb Süd", "700", "anna", "ben"))
    done(run("new-employee", "carla", "Carla", "103", "Vertrieb Süd"))
    done(run("new-team", "it's new", "701", "carla"))
    found = read_inventory(database)
    assert found.users["anna"].display_name == "Anna 'die' Bärg"
    assert found.lines[DOMAIN, "103"].user == "carla"
    assert found.groups["Vertrieb Süd"].members == ("anna", "ben", "carla")

    assert run("move-group-number", "Vertrieb Süd", "it's new", "700", answer="n\n").returncode == 1
    assert read_inventory(database).groups["Vertrieb Süd"].number == "700"
    done(run("move-group-number", "Vertrieb Süd", "it's new", "700", answer="y\n"))
    groups = read_inventory(database).groups
    assert (groups["Vertrieb Süd"].number, groups["it's new"].number) == (None, "700")

    done(run("employee-leaves", "anna", "--yes"))
    found = read_inventory(database)
    assert found.groups["Vertrieb Süd"].members == ("ben", "carla")
    assert (DOMAIN, "101") not in found.lines
    assert audit.entries(database, kind="user", name="anna")[0].change.action == "remove"


@pytest.mark.parametrize(
    ("script", "arguments", "sentence"),
    [
        ("new-employee", ("anna", "A", "109"), "new-employee: there is a user 'anna' already: a new name is accepted"),
        ("new-employee", ("zoe", "Z", "109", "Nobody"), "group 'Nobody'"),
        ("new-employee", ("zoe", "Z", "101"), "line 101 cannot be of user 'zoe', it is of user 'anna'"),
        ("new-employee", ("zoe", "Z", "x'y"), '"x\'y" is not a number'),
        ("new-team", ("N", "101", "anna"), "cannot have the number 101, it is a line of user 'anna'"),
        ("new-team", ("N", "702", "zoe"), "has the unknown user 'zoe'"),
        ("new-team", ("Team", "702", "anna"), "new-team: there is a group 'Team' already: a new name is accepted"),
        ("new-employee", ("zoe", "Z", "109", "Team", "Team"), "new-employee: a group is named twice: each once is"),
        ("move-group-number", ("Team", "Nobody", "700"), "group 'Nobody'"),
        ("move-group-number", ("Team", "Team", "799", "--yes"), "'Team' does not have the number 799: the number of"),
        ("employee-leaves", ("zoe",), "user 'zoe'"),
        ("new-employee", ("zoe", "Z", "1x"), "\nesl-huntgroup: "),
        (
            "clean-up-journal",
            ("abc",),
            "clean-up-journal: 'abc' is not a number of days: digits such as 365 are accepted",
        ),
        ("clean-up-journal", ("0",), "'0d' is not an age: days such as '365d' are accepted, from 1d to 36500d"),
    ],
)
def test_a_script_that_is_refused_changes_nothing(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, script: str, arguments: tuple[str, ...], sentence: str
) -> None:
    run = runner(sqlite_url, tmp_path)
    firm = tmp_path / "firm.yaml"
    firm.write_text(
        "users: [{name: anna, lines: [101]}]\n"
        "groups: [{name: Team, number: 700, hunt_mode: softphone, members: [anna]}]\n"
    )
    load_file(sqlite, firm, default_domain=DOMAIN)
    before = export(sqlite)
    refused = run(script, *arguments)
    assert refused.returncode == 1
    assert sentence in f"\n{refused.stderr}"
    assert "/tmp." not in refused.stderr, "nobody has written that file"
    assert export(sqlite) == before


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.iterdir() if path.name != "clean-up-journal"))
def test_a_script_without_arguments_says_how_it_is_used(sqlite_url: str, tmp_path: Path, script: str) -> None:
    used = runner(sqlite_url, tmp_path)(script)
    assert used.returncode == 2
    assert used.stderr.startswith("usage: ")


def test_old_calls_go_with_legs_and_entries_and_young_ones_stay(database: peewee.Database, run: Run) -> None:
    people(database)
    now_ms, day_ms = time.time_ns() // 1_000_000, 86_400_000
    _, *rest_of_one = whole(1)
    old, young = opened(1, arrived_at_ms=now_ms - 400 * day_ms), opened(2, arrived_at_ms=now_ms - 364 * day_ms)
    JournalStore(database).write([old, *rest_of_one, young, missed(2)])

    assert done(run("clean-up-journal", "401")) == "nothing is older than 401d\n" * 2
    assert run("clean-up-journal", answer="y\n").returncode == 1  # from a pipe, nobody is there to answer
    shown = done(run("clean-up-journal", "--yes"))

    assert shown.splitlines() == [
        "would delete 1 call, 2 legs, 2 journal entries",
        "deleted 1 call, 2 legs, 2 journal entries",
    ]
    for table in ("calls", "legs", "journal_entries"):
        ids = {row[0] for row in execute(database, f"SELECT call_id FROM {table}").fetchall()}
        assert ids == {young.call_id}
    assert audit.entries(database, kind="journal")[0].change.before == {"calls": 1, "legs": 2, "journal_entries": 2}
    assert done(run("clean-up-journal", "--yes")).splitlines() == ["nothing is older than 365d"] * 2


def test_a_backup_of_sqlite_comes_back(sqlite: peewee.Database, sqlite_url: str, tmp_path: Path) -> None:
    run = runner(sqlite_url, tmp_path)
    done(run("new-employee", "anna", "Anna", "101"))
    before = export(sqlite)
    name = done(run("backup", "backups")).splitlines()[-1]
    assert (tmp_path / f"{name}.yaml").read_text(encoding="utf-8") == before
    assert (tmp_path / f"{name}.db").stat().st_mode & 0o077 == 0
    done(run("employee-leaves", "anna", "--yes"))
    sqlite.close()
    kept = done(run("restore", f"{name}.db")).splitlines()[0].removeprefix("the database of before is ")
    assert export(sqlite) == before
    sqlite.close()
    today = open_database(f"sqlite:///{kept}")
    assert "anna" not in export(today)
    today.close()


def test_a_restored_sqlite_can_be_opened_by_who_could_before(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    run = runner(sqlite_url, tmp_path)
    done(run("new-employee", "anna", "Anna", "101"))
    name = done(run("backup", "backups")).splitlines()[-1]
    sqlite.close()
    file = Path(str(sqlite.database))
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()
    done(run("restore", f"{name}.db"))
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_what_is_no_backup_is_named_and_changes_nothing(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    run = runner(sqlite_url, tmp_path)
    done(run("new-employee", "anna", "Anna", "101"))
    (tmp_path / "letter.db").write_text("Dear Anna,")
    refused = run("restore", "letter.db")
    assert refused.returncode == 1
    assert refused.stderr.startswith("restore: letter.db cannot be used, nothing is changed: esl-huntgroup: ")
    assert ".restored" not in refused.stderr
    assert "anna" in export(sqlite)
    assert not list(tmp_path.glob("*.restored*"))


def test_a_backup_of_postgresql_comes_back(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    if not shutil.which("pg_dump") or not shutil.which("psql"):
        pytest.skip("pg_dump and psql are not installed (Debian package: postgresql-client)")
    with new_postgresql() as source, new_postgresql() as empty:
        db = open_database(source)
        migrate.upgrade(db)
        run = runner(source, tmp_path)
        done(run("new-employee", "anna", "Anna", "101"))
        before = export(db)
        db.close()
        name = done(run("backup", "backups")).splitlines()[-1]
        assert "restore: the database has tables" in run("restore", f"{name}.sql").stderr
        done(runner(empty, tmp_path)("restore", f"{name}.sql"))
        db = open_database(empty)
        assert export(db) == before
        with pytest.raises(peewee.PeeweeException):
            line(db, 1, "101")
        db.close()


PASSWORD = "s3cret/\\x41% ü@"
SPY = """#!/bin/sh
cat /proc/[0-9]*/cmdline >> {seen} 2> /dev/null
exec {real} "$@"
"""


def test_no_process_list_shows_the_password_of_the_database(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    if not shutil.which("pg_dump") or not shutil.which("psql"):
        pytest.skip("not installed: pg_dump and psql (Debian: postgresql-client)")
    with new_postgresql() as source, new_postgresql() as empty:
        before = _prepared(source)
        run = runner(_with_password(source), tmp_path)
        for name in ("pg_dump", "psql"):
            spy = tmp_path / "bin" / name
            spy.write_text(SPY.format(seen=tmp_path / "seen", real=shutil.which(name)))
            spy.chmod(0o755)
        backup = done(run("backup", "backups")).splitlines()[-1]
        done(runner(_with_password(empty), tmp_path)("restore", f"{backup}.sql"))
        after = _export(empty)
    seen = (tmp_path / "seen").read_bytes()
    assert b"pg_dump" in seen
    assert b"psql" in seen
    assert b"s3cret" not in seen
    assert before == after


def test_the_programs_of_postgresql_get_the_password_as_it_is_meant(tmp_path: Path) -> None:
    run = runner(_with_password("postgresql://anna@127.0.0.1:1/firm?application_name=a%2Fb"), tmp_path)
    spy = tmp_path / "bin" / "pg_dump"
    spy.write_text(
        f'#!/bin/sh\nprintf %s "$PGPASSWORD" > {tmp_path}/password\nfor last; do :; done\necho "$last"; exit 9\n'
    )
    spy.chmod(0o755)
    refused = run("backup", "backups")
    assert (refused.returncode, refused.stdout) == (9, "postgresql://anna@127.0.0.1:1/firm?application_name=a%2Fb\n")
    assert (tmp_path / "password").read_text(encoding="utf-8") == PASSWORD


def _prepared(url: str) -> str:
    """Set the database up with a user in it; return its configuration."""
    with closing(open_database(url)) as db:
        migrate.upgrade(db)
        insert_rows(db, "users", ("name", "display_name"), [("anna", "Anna")])
    return _export(url)


def _export(url: str) -> str:
    with closing(open_database(url)) as db:
        return export(db)


def _with_password(url: str) -> str:
    return url.replace("@", f":{quote(PASSWORD, safe='')}@", 1)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("backup", "backup: a sqlite or postgresql URL is accepted; for MariaDB: mariadb-dump --single-transaction\n"),
        ("restore", "restore: a sqlite or postgresql URL is accepted; for MariaDB: mariadb DATABASE < FILE.sql\n"),
    ],
)
def test_mariadb_is_told_its_own_tools(tmp_path: Path, script: str, sentence: str) -> None:
    (tmp_path / "x").write_text("x")
    told = runner("mariadb://db.example.org/huntgroup", tmp_path)(script, "x" if script == "restore" else "folder")
    assert (told.returncode, told.stderr) == (1, sentence)


def test_a_backup_never_overwrites_and_a_restore_needs_a_backup(sqlite_url: str, tmp_path: Path) -> None:
    run = runner(sqlite_url, tmp_path)
    assert run("restore", "nothing.db").stderr == (
        "restore: nothing.db is not there or empty: the file of a backup is accepted\n"
    )
    refused = subprocess.run(
        [tmp_path / "bin" / "esl-huntgroup", "--database", sqlite_url, "db", "backup", tmp_path / "huntgroup.db"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr == f"esl-huntgroup: {tmp_path}/huntgroup.db exists: the name of a new file is accepted\n"
