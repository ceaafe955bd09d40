"""Who signs in to the members' page, by command: invitations, sessions, tokens. On every database."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli import cli
from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.web import clock
from esl_huntgroup.web.identity import accounts, sessions, tokens
from tests.database.rows import user

Run = Callable[..., Result]
PAGE = "https://calls.example.org"


@pytest.fixture
def run(database: peewee.Database, url: str) -> Run:
    """Return what types a command; there are two users."""
    user(database, 1, "anna")
    user(database, 2, "ben")

    def typed(*arguments: str, page: str = PAGE) -> Result:
        environment = {"ESL_HUNTGROUP_DATABASE": url, "ESL_HUNTGROUP_WEB_URL": page}
        return CliRunner().invoke(cli, arguments, prog_name="esl-huntgroup", env=environment)

    return typed


def done(run: Run, *arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def audited(db: peewee.Database) -> list[tuple[str, ...]]:
    return [tuple(row) for row in execute(db, "SELECT who, action, kind, name FROM audit ORDER BY id").fetchall()]


def count(db: peewee.Database, table: str) -> int:
    return int(execute(db, f"SELECT count(*) FROM {quoted(db, table)}").fetchone()[0])


def test_an_invitation_is_a_link_that_is_told_once(run: Run, database: peewee.Database) -> None:
    said = done(run, "user", "invite", "anna", "--as", "root").splitlines()
    assert re.fullmatch(r"added invitation anna: until 20\d\d-.*", said[0])
    secret = said[1].removeprefix(f"{PAGE}/invitation/")
    found = accounts.invited(database, secret, clock.now_ms())
    assert found is not None
    assert found.name == "anna"
    assert accounts.invited(database, secret, clock.now_ms() + 7 * 86_400_000 - 60_000) is not None
    assert accounts.invited(database, secret, clock.now_ms() + 7 * 86_400_000 + 60_000) is None
    assert audited(database) == [("root", "add", "invitation", "anna")]
    assert secret not in repr(execute(database, f"SELECT {quoted(database, 'after')} FROM audit").fetchall())
    link = json.loads(done(run, "user", "invite", "anna", "--json"))["link"]
    assert accounts.invited(database, secret, clock.now_ms()) is None
    assert accounts.invited(database, link.rpartition("/")[2], clock.now_ms()) is not None


def test_an_invitation_that_is_tried_invites_nobody(run: Run, database: peewee.Database) -> None:
    said = done(run, "user", "invite", "anna", "--dry-run")
    assert said.startswith("would add invitation anna")
    assert "http" not in said
    assert "link" not in json.loads(done(run, "user", "invite", "anna", "--dry-run", "--json"))
    assert count(database, "web_invitations") == count(database, "audit") == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("user", "invite", "zoe"), "there is no user 'zoe'"),
        (("user", "invite", "anna", "--days", "0"), "1 to 90 are accepted"),
        (("session", "list", "zoe"), "there is no user 'zoe'"),
        (("session", "end", "anna", "--id", "9"), "user 'anna' has no session 9"),
        (("token", "add", "anna", "x"), "journal, handle, events are accepted"),
        (("token", "add", "anna", "x", "--scope", "all"), "“all” is no scope: journal, handle, events are accepted."),
        (("token", "add", "anna", "", "--scope", "journal"), "1 to 64 printable characters"),
        (("token", "add", "anna", "x", "--scope", "journal", "--days", "367"), "1 to 366 days"),
        (("token", "remove", "anna", "x"), "user 'anna' has no token 'x': a name that `token list anna` shows"),
    ],
)
def test_what_is_refused_is_one_sentence(
    run: Run, database: peewee.Database, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert sentence in result.output
    assert count(database, "audit") == 0


def test_a_link_needs_an_address(run: Run) -> None:
    result = run("user", "invite", "anna", page="")
    assert result.exit_code == 1
    assert "web_url is not set" in result.output


def test_sessions_are_listed_and_ended(run: Run, database: peewee.Database) -> None:
    now = clock.now_ms()
    for agent in ("Firefox", "evil\x1b[31m\u202e" + "x" * 500):
        sessions.begin(database, 1, "password", now, address="192.0.2.7", agent=agent)
    sessions.begin(database, 2, "oidc", now)
    listed = json.loads(done(run, "session", "list", "anna", "--json"))
    assert [it["address"] for it in listed] == ["192.0.2.7"] * 2
    assert "\x1b" not in done(run, "session", "list", "anna")
    first = min(it["id"] for it in listed)
    assert "would remove session" in done(run, "session", "end", "anna", "--dry-run")
    assert count(database, "web_sessions") == 3
    done(run, "session", "end", "anna", "--id", str(first))
    assert [it["id"] for it in json.loads(done(run, "session", "list", "anna", "--json"))] == [listed[0]["id"]]
    done(run, "session", "end", "anna")
    assert count(database, "web_sessions") == 1
    assert "nothing to change" in done(run, "session", "end", "anna")
    assert [row[1:3] for row in audited(database)] == [("remove", "session")] * 2


def test_a_token_is_made_listed_used_and_removed(run: Run, database: peewee.Database) -> None:
    said = done(run, "token", "add", "anna", "dashboard", "--scope", "events", "--scope", "journal", "--as", "root")
    token = said.splitlines()[1]
    found = tokens.find(database, token, clock.now_ms())
    assert found is not None
    person, used_ms = found
    assert (person.name, person.scopes, used_ms) == ("anna", frozenset({"journal", "events"}), None)
    assert tokens.find(database, token, clock.now_ms() + 90 * 86_400_000 + 60_000) is None
    listed = json.loads(done(run, "token", "list", "anna", "--json"))
    assert [(it["name"], it["scopes"], it["used"]) for it in listed] == [("dashboard", ["journal", "events"], "")]
    assert token not in done(run, "token", "list", "anna")
    assert run("token", "add", "anna", "dashboard", "--scope", "journal").exit_code == 1
    assert run("token", "add", "ben", "dashboard", "--scope", "journal").exit_code == 0
    done(run, "token", "remove", "anna", "dashboard")
    assert tokens.find(database, token, clock.now_ms()) is None
    assert ("root", "add", "token", "anna/dashboard") in audited(database)
    assert "removed token anna/dashboard" in done(run, "audit", "--kind", "token")


def test_a_user_who_is_removed_takes_all_of_it_along(run: Run, database: peewee.Database) -> None:
    done(run, "user", "invite", "anna")
    done(run, "token", "add", "anna", "x", "--scope", "journal")
    sessions.begin(database, 1, "password", clock.now_ms())
    accounts.set_language(database, 1, "de")
    done(run, "user", "remove", "anna", "--yes")
    for table in ("web_accounts", "web_invitations", "web_sessions", "api_tokens"):
        assert count(database, table) == 0


def test_two_who_use_an_invitation_at_once_do_not_both_set_the_password(run: Run, database: peewee.Database) -> None:
    secret = accounts.invite(database, 1, clock.now_ms())
    assert accounts.use_invitation(database, secret, clock.now_ms())
    assert not accounts.use_invitation(database, secret, clock.now_ms())
