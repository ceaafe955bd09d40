"""Whatever command is given a name or a number finds what is meant, however it is written."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from contextlib import closing

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli import cli
from esl_huntgroup.db import lookup
from esl_huntgroup.db.engine import open_database
from tests.database import rows

Run = Callable[..., Result]
JUERGEN = unicodedata.normalize("NFD", "Jürgen")
SUED = unicodedata.normalize("NFD", "Süd")


@pytest.fixture
def run(sqlite_url: str) -> Run:
    def typed(*arguments: str) -> Result:
        common = ["--database", sqlite_url, "--default-domain", rows.DOMAIN]
        return CliRunner().invoke(cli, [*common, *arguments], prog_name="esl-huntgroup")

    for command in (
        ["user", "add", "Jürgen"],
        ["user", "add", "anna"],
        ["group", "add", "Süd", "--number", "710", "--hunt-mode", "softphone"],
        ["member", "add", "Süd", "Jürgen"],
    ):
        assert typed(*command).exit_code == 0
    return typed


@pytest.mark.parametrize(
    "command",
    [
        ["user", "show", JUERGEN],
        ["journal", "--user", JUERGEN],
        ["rights", JUERGEN, "anna"],
        ["rights", "anna", JUERGEN],
        ["service", "list", "--user", JUERGEN],
        ["journal", "--group", SUED],
        ["journal", "--group", "7 10"],
        ["journal", "--group", f"710@{rows.DOMAIN.upper()}"],
        ["group", "show", SUED],
        ["group", "show", "710"],
        ["group", "show", "7-10"],
    ],
    ids=str,
)
def test_a_name_in_another_unicode_form_and_a_number_in_another_writing_are_found(run: Run, command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("group", [SUED, "7 10"])
def test_explain_finds_the_group_as_journal_and_group_do(run: Run, group: str) -> None:
    assert "esl_address is not set" in run("explain", group).output


def test_the_audit_finds_a_name_in_another_unicode_form(run: Run) -> None:
    (change,) = map(json.loads, run("audit", "--name", JUERGEN, "--json").output.splitlines())
    assert (change["kind"], change["name"]) == ("user", "Jürgen")


def test_a_number_that_is_accepted_by_check_may_be_written_as_people_do(run: Run) -> None:
    result = run("check", "numbers", "--accept", "seven hundred")
    assert "'seven hundred' is not a number" in result.output


def test_a_name_comes_before_a_number_and_each_domain_has_its_own(database: peewee.Database) -> None:
    rows.group(database, "700", "first")
    rows.group(database, "700", "second", domain="b.example.org")
    rows.group(database, "701", "700x")
    assert [group.name for group in lookup.groups(database, "7 00")] == ["second", "first"]
    assert [group.name for group in lookup.groups(database, "700@B.example.org")] == ["second"]
    assert [group.number for group in lookup.groups(database, "700x")] == ["701"]
    assert lookup.groups(database, "no such") == []
    assert lookup.user_id(database, "nobody") is None


def test_the_number_of_two_groups_is_refused_with_both(run: Run, sqlite_url: str) -> None:
    with closing(open_database(sqlite_url)) as db:
        rows.group(db, "710", domain="b.example.org")
    assert f"one of 710@b.example.org, 710@{rows.DOMAIN} is accepted" in run("group", "show", "710").output
