"""The frame of every command that uses the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from esl_huntgroup.cli.context import database_of
from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(database=f"sqlite:///{tmp_path / 'firm.db'}")
    db = open_database(found.database)
    upgrade(db)
    db.close()
    return found


def test_a_command_gets_the_database_and_it_is_closed_afterwards(settings: Settings) -> None:
    with database_of(settings) as db:
        assert execute(db, "SELECT COUNT(*) FROM users").fetchone() == (0,)
    assert db.is_closed()


def test_what_the_database_refuses_is_one_sentence_and_it_is_closed_all_the_same(settings: Settings) -> None:
    with pytest.raises(DatabaseError, match="no such column: missing") as refused, database_of(settings) as db:
        execute(db, "SELECT missing FROM users")
    assert "\n" not in str(refused.value)
    assert db.is_closed()


def test_a_database_that_is_not_set_up_is_refused_before_the_command_does_anything(tmp_path: Path) -> None:
    is_begun = False
    with (
        pytest.raises(DatabaseError, match="has not been set up"),
        database_of(Settings(database=f"sqlite:///{tmp_path / 'none.db'}")),
    ):
        is_begun = True
    assert not is_begun
