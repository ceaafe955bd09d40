"""`explain` without a switch: what it can say, what it refuses, and how often it asks the database."""

from __future__ import annotations

from types import SimpleNamespace

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli.explain import explain_command
from esl_huntgroup.database import execute
from esl_huntgroup.errors import InputError, SwitchGone
from esl_huntgroup.journal_store import JournalStore
from tests.database import rows
from tests.database.rows import DOMAIN
from tests.database.test_journal import missed, opened, people

NEEDS_SWITCH = (
    "the switch has to be asked who is registered, but esl_address is not set: "
    "HOST:PORT of its event socket is accepted (and its password in esl_password)"
)
NO_GROUP = "there is no group {!r}: a name, NUMBER, NUMBER@DOMAIN or the id of a call is accepted"


def run(url: str, *arguments: str, esl_address: tuple[tuple[str, int], ...] = ()) -> Result:
    settings = SimpleNamespace(
        database=url, default_domain=DOMAIN, leg_limit=127, esl_address=esl_address, esl_password=""
    )
    return CliRunner().invoke(explain_command, arguments, obj=settings)


@pytest.fixture
def firm(sqlite: peewee.Database) -> peewee.Database:
    people(sqlite)
    rows.group(sqlite, "703", "West", domain="west.example")
    rows.group(sqlite, "703", "East", domain="east.example")
    rows.group(sqlite, None, "No number")
    rows.insert(sqlite, "groups", name="Off", domain=DOMAIN, number="704", hunt_mode="disabled")
    return sqlite


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Nobody"], NO_GROUP.format("Nobody")),
        (["799"], NO_GROUP.format("799")),
        (["700@elsewhere.example"], NO_GROUP.format("700@elsewhere.example")),
        (["01900000-0000-7000-8000-000000000000"], NO_GROUP.format("01900000-0000-7000-8000-000000000000")),
        (["703"], "'703' is the number of more than one group: one of 703@east.example, 703@west.example is accepted"),
        (
            ["No number"],
            "group 'No number' has no group number, so nobody can call it: a group with a number is accepted",
        ),
        (["700", "--caller", "1001"], "'1001' is not the address of a line: ACCOUNT@DOMAIN is accepted"),
        (
            ["700", "--caller", "1001@a b"],
            "'a b' is not a domain: a host name, an IPv4 address or an IPv6 address in brackets is accepted",
        ),
        (["700"], NEEDS_SWITCH),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    firm: peewee.Database, sqlite_url: str, arguments: list[str], sentence: str
) -> None:
    refused = run(sqlite_url, *arguments).exception
    assert isinstance(refused, InputError)
    assert str(refused) == sentence


def test_a_switch_that_is_not_there_is_said(firm: peewee.Database, sqlite_url: str) -> None:
    assert isinstance(run(sqlite_url, "700", esl_address=(("127.0.0.1", 1),)).exception, SwitchGone)


@pytest.mark.parametrize("what", ["Off", "704", f"704@{DOMAIN}"])
def test_a_group_that_is_off_needs_no_switch(firm: peewee.Database, sqlite_url: str, what: str) -> None:
    assert run(sqlite_url, what).output.startswith(f"group Off (704@{DOMAIN}): nobody rings: the group's hunt mode")


def test_a_group_that_is_not_active_is_told_so(firm: peewee.Database, sqlite_url: str) -> None:
    execute(firm, 'UPDATE "groups" SET is_active = FALSE WHERE number = ?', ("700",))
    told = run(sqlite_url, "700").output
    assert told.splitlines()[0].endswith(
        "nobody rings: the group is not active; the caller would end as group_disabled and go to: dialplan"
    )


def test_a_call_is_told_without_a_switch_in_six_queries(
    firm: peewee.Database, sqlite_url: str, queries: list[str]
) -> None:
    JournalStore(firm).write([opened(2), missed(2)])
    call_id = execute(firm, "SELECT call_id FROM calls").fetchone()[0]
    queries.clear()
    told = run(sqlite_url, call_id)
    assert told.exit_code == 0
    assert "no_answer" in told.output.splitlines()[0]
    assert len(told.output.splitlines()) > 2
    assert len([sql for sql in queries if "SELECT" in sql and "schema_version" not in sql]) <= 6


def test_a_group_of_any_size_takes_the_same_number_of_queries(
    firm: peewee.Database, sqlite_url: str, queries: list[str]
) -> None:
    run(sqlite_url, "704")
    few = len(queries)
    (group_id,) = execute(firm, "SELECT id FROM groups WHERE number = '704'").fetchone()
    for user_id in range(100, 200):
        rows.user(firm, user_id)
        rows.line(firm, user_id, str(user_id), kind="hardphone")
        rows.insert(firm, "members", group_id=group_id, user_id=user_id, position=user_id)
    queries.clear()
    assert len(run(sqlite_url, "704").output.splitlines()) == 101
    assert len(queries) == few


def test_a_call_is_told_though_the_switch_is_down(firm: peewee.Database, sqlite_url: str) -> None:
    JournalStore(firm).write([opened(2), missed(2)])
    call_id = execute(firm, "SELECT call_id FROM calls").fetchone()[0]
    told = run(sqlite_url, call_id, esl_address=(("127.0.0.1", 1),))
    assert told.exit_code == 0
    assert "; who is registered today is not known: 127.0.0.1 port 1: Connection refused" in told.output
    assert told.output.splitlines()[1:] == run(sqlite_url, call_id).output.splitlines()[1:]


def test_a_call_that_has_just_begun_has_an_incomplete_journal(firm: peewee.Database, sqlite_url: str) -> None:
    JournalStore(firm).write([opened(2)])
    call_id = execute(firm, "SELECT call_id FROM calls").fetchone()[0]
    assert "not ended yet" in run(sqlite_url, call_id).output
