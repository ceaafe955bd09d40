"""The commands that touch the database, as an administrator types them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import click
import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli.db import db_group
from esl_huntgroup.cli.journal import journal_command
from esl_huntgroup.cli.load import load_command
from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.db.migrate import newest_version
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.journal.store import JournalStore
from tests.database.rows import DOMAIN
from tests.database.test_journal import missed, opened, people, whole
from tests.database.test_loading import EXAMPLE

WORDS = ("missed", "not signalled", "answered", "spoken with User 1")


def run(command: click.Command, url: str, *arguments: str, language: str = "en", color: bool = False) -> Result:
    settings = SimpleNamespace(
        database=url, default_domain=DOMAIN, language=language, spool="", hunt_modes=("softphone",)
    )
    return CliRunner().invoke(command, arguments, obj=settings, color=color)


def test_from_nothing_to_a_loaded_firm(url: str) -> None:
    status = run(db_group, url, "status")
    assert isinstance(status.exception, DatabaseError)
    assert f"is at version 0, this program needs {newest_version()}" in status.output
    assert "not applied yet: 0001 initial: users, lines, groups" in status.output
    assert "applied 0001 initial: users, lines, groups" in run(db_group, url, "upgrade").output
    assert "nothing to do" in run(db_group, url, "upgrade").output
    assert run(db_group, url, "status").exit_code == 0
    loaded = run(load_command, url, str(EXAMPLE))
    assert loaded.exit_code == 0
    assert loaded.output.splitlines()[0] == "users: 5 added, 0 changed, 0 unchanged"
    assert run(journal_command, url).output == "no journal entries\n"


def test_an_upgrade_can_be_tried_without_being_made(url: str) -> None:
    tried = run(db_group, url, "upgrade", "--dry-run").output.splitlines()
    assert tried[1].startswith("would apply 0001 initial: users, lines, groups")
    assert json.loads(run(db_group, url, "status", "--json").output.splitlines()[0])["version"] == 0
    assert run(db_group, url, "upgrade").exit_code == 0
    assert run(db_group, url, "upgrade", "--dry-run").output.splitlines()[1:] == [
        f"nothing to do: the schema is at version {newest_version()}, the newest"
    ]
    status = json.loads(run(db_group, url, "status", "--json").output)
    assert (status["version"], status["needed"], status["pending"]) == (newest_version(), newest_version(), [])


@pytest.fixture
def with_calls(sqlite_url: str, sqlite: peewee.Database) -> str:
    people(sqlite)
    execute(sqlite, "UPDATE users SET display_name = 'Anna Berg' WHERE id = 1")
    JournalStore(sqlite).write([*whole(1), opened(2), missed(2)])
    return sqlite_url


def test_the_journal_shows_blue_bold_and_grey_where_there_are_colours(with_calls: str) -> None:
    shown = run(journal_command, with_calls, color=True).output
    bold, dim, normal, blue = ([row for row in shown.splitlines() if word in row] for word in WORDS)
    assert all(row.startswith("\x1b[1m") for row in bold)
    assert all(row.startswith("\x1b[2m") for row in dim)
    assert not any(row.startswith("\x1b") for row in normal)
    assert all(row.startswith("\x1b[34m") for row in blue)
    assert "\x1b" not in run(journal_command, with_calls).output


def test_the_journal_of_one_user_in_german(with_calls: str) -> None:
    rows = run(journal_command, with_calls, "--user", "user2", language="de").output.splitlines()
    assert rows[0].split() == ["Zeit", "Gruppe", "Anrufer", "gesehen", "als", "gewartet", "gesprochen", "Anruf"]
    assert "nicht signalisiert" in rows[1]
    assert "gesprochen mit User 1" in rows[2]
    assert len(rows) == 3


def test_the_journal_for_programs_is_one_object_a_line(with_calls: str) -> None:
    shown = run(journal_command, with_calls, "--json", "--group", "700", "--limit", "3").output
    lines = [json.loads(line) for line in shown.splitlines()]
    assert [line["kind"] for line in lines] == ["missed", "not_signalled", "answered"]


@pytest.mark.parametrize("arguments", [["--user", "zoe"], ["--group", "zoe"]])
def test_an_unknown_user_or_group_is_refused(with_calls: str, arguments: list[str]) -> None:
    assert isinstance(run(journal_command, with_calls, *arguments).exception, InputError)


@pytest.mark.parametrize("arguments", [["--limit", "0"], ["--limit", "x"], ["--nonsense"]])
def test_a_wrong_command_line_has_status_two(with_calls: str, arguments: list[str]) -> None:
    assert run(journal_command, with_calls, *arguments).exit_code == 2


def test_commands_refuse_a_database_that_is_not_set_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    for result in (run(journal_command, url), run(load_command, url, str(EXAMPLE))):
        assert isinstance(result.exception, DatabaseError)
        assert str(result.exception).endswith("run: esl-huntgroup db upgrade")


def test_no_command_keeps_the_database_open(with_calls: str) -> None:
    run(journal_command, with_calls)
    db = open_database(with_calls)
    assert execute(db, "PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    db.close()


def test_the_help_of_load_says_what_goes() -> None:
    said = " ".join(CliRunner().invoke(load_command, ["--help"]).output.split())
    assert '"remove: true" goes, and so does a value that is "none"' in said
    assert "is the whole list: who is not in it goes from it" in said


# -- for programs -----------------------------------------------------------------------------------------------------


def test_a_load_is_told_to_programs_as_one_object(sqlite_url: str) -> None:
    tried = json.loads(run(load_command, sqlite_url, str(EXAMPLE), "--diff", "--json").output)
    assert tried["dry_run"] is True
    assert {"action": "add", "kind": "user", "name": "anna"}.items() <= tried["changes"][0].items()
    done = json.loads(run(load_command, sqlite_url, str(EXAMPLE), "--json").output)
    assert (done["dry_run"], done["users"]) == (False, {"added": 5, "changed": 0, "unchanged": 0, "removed": 0})
    assert json.loads(run(load_command, sqlite_url, str(EXAMPLE), "--diff", "--json").output)["changes"] == []


def test_pruning_is_told_to_programs_as_one_object(with_calls: str, sqlite: peewee.Database) -> None:
    prune = ("prune", "--older-than", "1d", "--json")
    counts = {
        table: execute(sqlite, f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("calls", "legs", "journal_entries")
    }
    assert counts["calls"] == 2
    assert json.loads(run(db_group, with_calls, *prune, "--dry-run").output) == {"dry_run": True, **counts}
    assert json.loads(run(db_group, with_calls, *prune, "--yes").output) == {"dry_run": False, **counts}
    again = json.loads(run(db_group, with_calls, *prune, "--yes").output)
    assert again == {"dry_run": False, **dict.fromkeys(counts, 0)}


def test_a_backup_is_told_to_programs_as_one_object(sqlite_url: str, tmp_path: Path) -> None:
    told = json.loads(run(db_group, sqlite_url, "backup", str(tmp_path / "copy.db"), "--json").output)
    assert told == {"database": sqlite_url, "file": str(tmp_path / "copy.db")}
    assert (tmp_path / "copy.db").exists()
