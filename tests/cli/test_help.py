"""Help that helps: it can be read at eighty columns, copied, completed, and tells what happens."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli import cli
from esl_huntgroup.cli import tree as tree_module
from esl_huntgroup.settings import FIELDS
from tests.cli.shell import ROOT, Shell

Run = Callable[..., Result]
FIRM = str(ROOT / "db" / "examples" / "small-firm.yaml")


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    ctx = click.Context(group)
    yield path
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


ALL = list(commands(cli))


def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(cli, [*path, "--help"], prog_name="esl-huntgroup", terminal_width=80)
    assert result.exit_code == 0
    return result.output


@pytest.fixture
def run(shell: Shell) -> Run:
    def typed(*arguments: str, **options: object) -> Result:
        common = ["--database", shell.database, "--default-domain", "example.org"]
        return CliRunner().invoke(cli, [*common, *arguments], prog_name="esl-huntgroup", **options)  # type: ignore[arg-type]

    assert typed("load", FIRM).exit_code == 0
    return typed


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_an_example_is_one_line_that_can_be_copied(path: tuple[str, ...]) -> None:
    before, example = help_of(path).rstrip().rsplit("\n", 1)
    assert before.endswith("\n\n  Example:")
    assert example.startswith("    esl-huntgroup ")
    assert shlex.split(example)[0] == "esl-huntgroup"
    assert "Example: " not in before


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_no_line_of_an_overview_is_cut(path: tuple[str, ...]) -> None:
    _usage, _, said = help_of(path).partition("\n\n")
    assert not re.search(r"(\.\.\.|…)$", said, re.MULTILINE)


def test_every_setting_says_its_default_and_its_range() -> None:
    said = " ".join(help_of(()).split())
    for name, field in FIELDS.items():
        if not field.metadata["is_secret"]:
            option = f"--{name.replace('_', '-')} VALUE"
            _, _, rest = said.partition(option)
            told = rest.partition(" VALUE ")[0]
            assert "[default: " in told, option
            assert field.metadata["range"] in told
    assert "one for each core is enough; 1 to 64 [default: 1]" in said
    assert "[default: 127.0.0.1:8084]" in said


def test_users_are_found_by_a_part_of_a_name_a_line_and_a_group(run: Run) -> None:
    def names(*options: str) -> list[str]:
        return re.findall(r'"name": "(\w+)"', run("user", "list", "--json", *options).output)

    assert names("--match", "BERG") == ["anna"]
    assert names("--match", "102@") == ["bernd"]
    assert run("user", "add", "zoe").exit_code == 0
    assert set(names()) - set(names("--group", "Vertrieb")) == {"zoe"}
    assert "there is no group 'x'" in run("user", "list", "--group", "x").output


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("user show ", {"anna", "bernd"}),
        ("user show an", {"anna"}),
        ("member add Vertrieb b", {"bernd"}),
        ("member add V", {"Vertrieb"}),
        ("journal --group ", {"Vertrieb", "Service"}),
        ("group set Vertrieb --leader a", {"anna"}),
        ("rights a", {"anna"}),
        ("favourite add S", {"Service"}),
        ("user show zz", set()),
    ],
)
def test_a_shell_completes_the_names_of_users_and_groups(
    run: Run, shell: Shell, typed: str, completed: set[str]
) -> None:
    words = ["esl-huntgroup", "--database", shell.database, *typed.split(" ")]
    environment = {
        "_ESL_HUNTGROUP_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    result = CliRunner().invoke(cli, [], prog_name="esl-huntgroup", env=environment)
    found = {line.partition(",")[2] for line in result.output.split()}
    assert completed <= found if completed else not found


def test_a_shell_hears_no_complaint_when_there_is_no_database(tmp_path: os.PathLike[str]) -> None:
    environment = {
        "_ESL_HUNTGROUP_COMPLETE": "bash_complete",
        "COMP_WORDS": f"esl-huntgroup --database sqlite:///{tmp_path}/missing/x.db user show a",
        "COMP_CWORD": "5",
    }
    assert CliRunner().invoke(cli, [], prog_name="esl-huntgroup", env=environment).output.strip() == ""


def test_favourites_take_users_and_groups_as_members_do(run: Run) -> None:
    assert "added favourite Vertrieb" in run("favourite", "add", "Vertrieb", "emil").output
    assert '"user": "emil"' in run("favourite", "list", "--group", "Vertrieb", "--json").output
    by_option = run("favourite", "list", "--user", "anna", "--json")
    assert by_option.output == run("favourite", "list", "anna", "--json").output
    assert by_option.exit_code == 0
    assert run("favourite", "add", "Vertrieb", "emil", "--user", "anna").exit_code == 2


def test_the_account_of_a_line_stays_when_its_number_changes_and_the_help_says_so(run: Run) -> None:
    assert "the SIP account stays" in " ".join(help_of(("line", "set")).split())
    assert run("line", "set", "101", "--number", "191").exit_code == 0
    assert '"account": "101"' in run("line", "show", "191", "--json").output


def test_a_name_that_differs_in_capitals_alone_is_asked_about(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run("user", "add", "Anna")
    assert refused.exit_code == 1
    assert "nobody is there to ask: --yes is accepted" in refused.output
    monkeypatch.setattr(tree_module, "can_answer", lambda: True)
    asked = run("user", "add", "Anna", input="n\n")
    assert "There is a user 'anna' already. Add 'Anna', which differs in capitals alone, as well?" in asked.output
    assert asked.exit_code == 1
    assert run("user", "add", "Anna", "--dry-run").exit_code == 0
    assert run("user", "add", "Anna", "--yes").exit_code == 0
