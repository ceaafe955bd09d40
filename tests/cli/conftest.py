"""A command line on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.db.migrate import upgrade
from tests.cli.shell import Shell, a_shell


@pytest.fixture
def shell() -> Iterator[Shell]:
    """Give a command line on a database that is set up."""
    with a_shell() as it:
        db = open_database(it.database)
        upgrade(db)
        db.close()
        yield it
