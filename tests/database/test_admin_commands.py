"""The commands of administrators, as they are typed: what they print, what they refuse, and with which status."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import shlex
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli import COMMANDS, cli, tree
from esl_huntgroup.cli.completion import SHELLS
from esl_huntgroup.db.engine import execute, insert_rows, open_database
from tests.database.rows import DOMAIN, everything
from tests.database.test_loading import EXAMPLE

Run = Callable[..., Result]
ADMINISTRATION = ("user", "line", "group", "member", "level", "service", "favourite", "monitor")


@pytest.fixture
def run(sqlite_url: str) -> Run:
    """Return what types a command; the firm of the example is loaded."""

    def typed(*arguments: str, domain: str = DOMAIN, **options: Any) -> Result:
        common = ["--database", sqlite_url, "--default-domain", domain]
        return CliRunner().invoke(cli, [*common, *arguments], prog_name="esl-huntgroup", **options)

    assert typed("load", str(EXAMPLE)).exit_code == 0
    return typed


@pytest.fixture
def nothing_stays_open(sqlite_url: str) -> Iterator[None]:
    yield
    db = open_database(sqlite_url)
    assert execute(db, "PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    db.close()


def shown(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").output)


def done(run: Run, *arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


ALL = [
    (path, command) for path, command in commands(cli) if path[0] in (*ADMINISTRATION, "rights", "audit", "completion")
]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_help_ends_with_an_example_that_is_a_command(path: tuple[str, ...], command: click.Command) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"], prog_name="esl-huntgroup", terminal_width=200)
    assert result.exit_code == 0
    last = " ".join(result.output.split("\n\n")[-1].split())
    assert last.startswith(f"Example: esl-huntgroup {' '.join(path)}")
    assert command.help


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_what_changes_has_a_dry_run_and_a_name_and_everything_speaks_json(
    path: tuple[str, ...], command: click.Command
) -> None:
    if isinstance(command, click.Group) or path == ("completion",):
        return
    options = {option for param in command.params for option in param.opts}
    changes = path[0] in ADMINISTRATION and path[1] not in ("show", "list")
    assert "--json" in options
    assert ({"--dry-run", "--as"} <= options) == changes


def test_every_kind_of_thing_has_its_verbs() -> None:
    verbs = {path for path, _ in ALL}
    assert {(kind, verb) for kind in ADMINISTRATION for verb in ("add", "remove", "show", "list")} <= verbs
    assert {(kind, "set") for kind in ADMINISTRATION if kind != "member"} | {("member", "move")} <= verbs


def test_a_plural_is_understood(run: Run) -> None:
    assert run("users", "list").output == run("user", "list").output
    assert run("favourites", "list", "anna").exit_code == 0
    assert run("journals").exit_code == 0
    assert run("userss").exit_code == 2


def test_a_new_employee_and_one_who_leaves(run: Run, nothing_stays_open: None) -> None:
    assert (
        done(run, "user", "add", "Zoe\u0308", "--display-name", "Zoë 日本") == "added user Zoë: display_name Zoë 日本"
    )
    done(run, "line", "add", "Zoë", "199", "--account", "zoe")
    done(run, "member", "add", "Vertrieb", "Zoe\u0308", "--position", "1")
    assert shown(run, "user", "show", "Zoë") == {
        "name": "Zoë",
        "display_name": "Zoë 日本",
        "lines": [f"199@{DOMAIN}"],
        "groups": ["Vertrieb"],
        "leads": [],
        "services": [],
    }
    assert shown(run, "line", "show", "1-99")["account"] == "zoe"
    assert shown(run, "member", "list", "--group", "Vertrieb")[0]["user"] == "Zoë"
    assert done(run, "user", "remove", "Zoë", "--yes").splitlines()[-1].startswith("removed user Zoë")
    assert done(run, "line", "add", "anna", "199")


@pytest.mark.parametrize(
    "name",
    ["日本太郎", "straße", "שלום", "مرحبا", "नमस्ते", "Zoe\u0308", "O'Brien; DROP TABLE users"],
)
def test_names_for_people_are_in_any_script(run: Run, name: str) -> None:
    done(run, "user", "set", "anna", "--display-name", name)
    done(run, "group", "set", "Vertrieb", "--name", name)
    done(run, "service", "add", name, "--description", name)
    (group,) = (one for one in shown(run, "group", "list") if one["number"] == "700")
    assert shown(run, "group", "show", name) == group
    assert group["name"] == shown(run, "user", "show", "anna")["display_name"]


@pytest.mark.parametrize("name", ["日本", "straße", "שלום", "हिन्दी", "Zoe\u0308", "ไทย", "a\u0331b"])
def test_names_of_users_are_in_any_script(run: Run, name: str) -> None:
    done(run, "user", "add", name)
    done(run, "member", "add", "Vertrieb", name)
    assert shown(run, "user", "show", name)["name"] == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", ["\u0308zoe", "a\u200db", "\u202eanna", "-a", "a b", ""])
def test_what_is_no_word_of_any_script_is_no_name(run: Run, name: str) -> None:
    result = run("user", "add", "--", name)
    assert result.exit_code == 1
    assert f"{name!r} is not the name of a user: one word of letters" in result.output


def test_a_dry_run_says_what_would_change_and_changes_nothing(run: Run) -> None:
    before = run("user", "list").output, run("audit").output
    assert done(run, "user", "add", "zoe", "--dry-run") == "would add user zoe: display_name zoe"
    assert done(run, "user", "remove", "anna", "--dry-run").splitlines()[-1].startswith("would remove user anna")
    assert (run("user", "list").output, run("audit").output) == before


ASKING = [
    ("user", "remove", "anna"),
    ("line", "remove", "101"),
    ("group", "remove", "Vertrieb"),
    ("service", "remove", "fax"),
]


@pytest.fixture
def with_service(run: Run) -> Run:
    done(run, "service", "add", "fax")
    return run


@pytest.mark.parametrize("command", ASKING)
def test_without_a_terminal_and_yes_nothing_is_removed(with_service: Run, command: tuple[str, ...]) -> None:
    kind, _, name = command
    result = with_service(*command, input="y\n")
    assert result.exit_code == 1
    assert f"would remove {kind} {name}" in result.output
    assert result.output.splitlines()[-1] == (
        "esl-huntgroup: this cannot be undone, and nobody is there to ask: --yes is accepted; nothing changed"
    )
    assert with_service(kind, "show", name).exit_code == 0


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("", 1), ("y", 0)])
def test_on_a_terminal_it_is_asked(
    with_service: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], answer: str, status: int
) -> None:
    kind, _, name = command
    monkeypatch.setattr(tree, "can_answer", lambda: True)
    result = with_service(*command, input=f"{answer}\n")
    assert result.exit_code == status
    assert "This cannot be undone. Go on? [y/N]" in result.output
    assert with_service(kind, "show", name).exit_code == 1 - status


@pytest.mark.parametrize("command", ASKING)
def test_yes_is_the_answer_for_scripts(with_service: Run, command: tuple[str, ...]) -> None:
    kind, _, name = command
    (last,) = [change for change in shown(with_service, *command, "--yes") if change["kind"] == kind]
    assert (last["action"], last["after"]) == ("remove", None)
    assert with_service(kind, "show", name).exit_code == 1


def test_a_number_moves_from_group_to_group(run: Run) -> None:
    done(run, "group", "set", "Vertrieb", "--hunt-mode", "disabled", "--no-number")
    done(run, "group", "set", "Service", "--number", "700")
    assert shown(run, "group", "show", "Service")["number"] == "700"


def test_a_group_is_switched_off_and_on(run: Run) -> None:
    assert done(run, "group", "set", "Vertrieb", "--inactive") == "changed group Vertrieb: is_active yes → no"
    assert done(run, "group", "set", "Vertrieb", "--active") == "changed group Vertrieb: is_active no → yes"
    assert done(run, "group", "set", "Vertrieb", "--active") == "nothing to change"


def test_rights_and_why(run: Run) -> None:
    done(run, "group", "set", "Service", "--leader", "anna")
    done(run, "level", "group", "Service", "business")
    assert done(run, "rights", "anna", "emil").splitlines() == [
        "anna on emil: team",
        "  yes  see presence",
        "  yes  see public dates",
        "  yes  see numbers and forwarding of the first line",
        "  yes  set presence",
        "  yes  pick up on the first line",
        "  yes  see numbers of the second line",
        "  no   see private dates",
        "  no   set forwarding",
        "  no   pick up on the second line",
        "because:",
        "  team as leader of 'Service'",
        "  public as member of 'Vertrieb'",
    ]
    done(run, "level", "set", "emil", "anna", "personal")
    found = shown(run, "rights", "anna", "emil")
    assert (found["level"], found["rights"]["set_forwarding"]) == ("personal", True)
    assert found["reasons"][0] == {"level": "personal", "role": "grant", "group": None}
    done(run, "level", "remove", "emil", "anna")
    assert shown(run, "rights", "dora", "emil")["level"] == "business"
    done(run, "user", "add", "zoe")
    assert done(run, "rights", "zoe", "emil").splitlines()[-1] == "because no active group, role or grant gives more"


def test_favourites_as_table_as_json_and_for_phones(run: Run) -> None:
    done(run, "favourite", "add", "Vertrieb", "--name", "Müller & <Söhne>", "--number", "+49 30 1")
    done(run, "favourite", "add", "Vertrieb", "--user", "emil")
    assert [entry["uri"] for entry in shown(run, "favourites", "list", "anna")] == [
        f"sip:+49301@{DOMAIN}",
        f"sip:105@{DOMAIN}",
    ]
    document = done(run, "favourites", "list", "anna", "--resource-lists")
    assert document.startswith(
        '<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="urn:ietf:params:xml:ns:re'
    )
    assert "<display-name>Müller &amp; &lt;Söhne&gt;</display-name>" in document
    assert "Vertrieb" in done(run, "favourites", "list", "anna").splitlines()[1]
    assert done(run, "monitor", "list", "anna") == "nothing"
    assert shown(run, "favourite", "show", "Vertrieb", "2")["user"] == "emil"


def test_the_audit_says_who_and_what(run: Run) -> None:
    done(run, "user", "add", "zoe", "--as", "Anna Berg")
    done(run, "user", "set", "zoe", "--display-name", "Zoë")
    rows = done(run, "audit", "--name", "zoe").splitlines()
    assert len(rows) == 2
    assert rows[0].endswith(f"{getpass.getuser()}  changed user zoe: display_name zoe → Zoë")
    assert rows[1].endswith("Anna Berg  added user zoe: display_name zoe")
    (line,) = run("audit", "--json", "--limit", "1", "--kind", "user", "--name", "zoe").output.splitlines()
    assert json.loads(line)["before"]["display_name"] == "zoe"
    assert done(run, "audit", "--since", "2999-01-01") == "no changes"
    assert len(done(run, "audit", "--name", "zoe", "--since", "2020-01-01T00:00:00+01:00").splitlines()) == 2


def test_who_is_unknown_to_the_system_is_a_number(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    done(run, "user", "add", "zoe")
    assert f"  uid {os.getuid()}  added user zoe" in done(run, "audit")


@pytest.mark.parametrize("command", ["user list", "user add zoe", "user add zoe --dry-run", "rights a b", "audit"])
def test_a_database_that_is_not_set_up_is_refused(tmp_path: Path, command: str) -> None:
    result = CliRunner().invoke(cli, ["--database", f"sqlite:///{tmp_path}/new.db", *command.split()])
    assert result.exit_code == 1
    assert result.output.endswith("/new.db has not been set up: run: esl-huntgroup db upgrade\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_of_a_shell(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell], prog_name="esl-huntgroup")
    assert result.exit_code == 0
    assert "_ESL_HUNTGROUP_COMPLETE" in result.output


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("group ", "add list remove set show"),
        ("group set Vertrieb --hunt-mode ", "disabled softphone voice_services"),
        ("group set Vertrieb --leader-level p", "public personal"),
        ("level set anna bernd t", "team"),
        ("line add anna 1 --kind h", "hardphone"),
        ("completion z", "zsh"),
    ],
)
def test_completion_knows_commands_and_words(typed: str, completed: str) -> None:
    line = f"esl-huntgroup {typed}"
    environment = {
        "_ESL_HUNTGROUP_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    result = CliRunner().invoke(cli, env=environment, prog_name="esl-huntgroup", complete_var="_ESL_HUNTGROUP_COMPLETE")
    assert result.output.split() == [f"plain,{word}" for word in completed.split()]


LEVELS = "blocked, public, business, team, personal are accepted"
NO_USER = "there is no user 'x': a name that `esl-huntgroup user list` shows is accepted"
NO_GROUP = "there is no group 'x': a name that `esl-huntgroup group list` shows is accepted"
NO_SERVICE = "there is no service 'x': a name that `esl-huntgroup service list` shows is accepted"
NO_LINE = f"there is no line 999 in {DOMAIN}: a number that `esl-huntgroup line list` shows is accepted"
NO_NUMBER = "is not a number: digits, '*', '#' and a leading '+' are accepted, at most 32 characters"
ENTRY = "an entry is a user or an external contact: --user, or --name and --number, is accepted"
OUTCOMES = "all_busy, group_disabled, no_answer, nobody_registered, service_fault"

REFUSED = [
    ("user add anna", "there is a user 'anna' already: a new name is accepted"),
    (
        "user add 'a b'",
        "'a b' is not the name of a user: one word of letters, digits and '.', '_', '-', '+', '@' "
        "is accepted, at most 64 characters",
    ),
    ("user add zoe --display-name ''", "'' is not a name: 1 to 128 printable characters are accepted"),
    ("user add zoe --display-name a\x1bb", "'a\\x1bb' is not a name: 1 to 128 printable characters are accepted"),
    ("user add zoe --as ''", "--as '' is not a name: 1 to 128 printable characters are accepted"),
    ("user set x", NO_USER),
    ("user set anna --name bernd", "there is a user 'bernd' already: a new name is accepted"),
    ("user remove x --yes", NO_USER),
    ("user show x", NO_USER),
    ("line add x 999", NO_USER),
    ("line add anna 7OO", f"'7OO' {NO_NUMBER}"),
    (
        "line add anna 101",
        "user 'anna' cannot have the line 101, it is a line of user 'anna': a free number is accepted",
    ),
    (
        "line add anna 700",
        "user 'anna' cannot have the line 700, it is the number of group 'Vertrieb': a free number is accepted",
    ),
    ("line add anna 999 --kind fax", "'fax' is not a kind of line: softphone, hardphone are accepted"),
    (
        "line add anna 999 --account a@b",
        "'a@b' is not a SIP account: letters a-z, digits and '_', '.', '+', '*', '#', '-' "
        "are accepted, at most 64 characters",
    ),
    (
        "line add anna 999 --domain a_",
        "'a_' is not a domain: a host name, an IPv4 address or an IPv6 address in brackets is accepted",
    ),
    ("line set 999 --user anna", NO_LINE),
    (
        "line set 101 --number 102",
        "user 'anna' cannot have the line 102, it is a line of user 'bernd': a free number is accepted",
    ),
    ("line set 101 --user x", NO_USER),
    ("line remove 999 --yes", NO_LINE),
    ("line show 999", NO_LINE),
    ("line list --user x", NO_USER),
    ("group add Vertrieb", "there is a group 'Vertrieb' already: a new name is accepted"),
    (
        "group add Neu --number 700",
        "group 'Neu' cannot have the number 700, it is the number of group 'Vertrieb': a free number is accepted",
    ),
    (
        "group add Neu --number 101",
        "group 'Neu' cannot have the number 101, it is a line of user 'anna': a free number is accepted",
    ),
    (
        "group add Neu --hunt-mode softphone",
        "group 'Neu' has hunt mode softphone and no group number: give a number too",
    ),
    (
        "group add Neu --hunt-mode all",
        "'all' is not a hunt mode: disabled and those of the setting hunt_modes are accepted",
    ),
    (
        "group add Neu --hunt-mode voice_services",
        "hunt mode voice_services is not offered by this installation "
        "(setting hunt_modes): disabled, softphone are accepted",
    ),
    (
        "group set Vertrieb --no-number",
        "group 'Vertrieb' has hunt mode softphone and no group number: give a number too",
    ),
    ("group set Vertrieb --ring-timeout-s 4", "'4' is not a ring limit: whole seconds from 5 to 300 are accepted"),
    (
        "group set Vertrieb --ringback 'a b'",
        "'a b' is not a ringback: a tone such as '%(1000,4000,425)' (milliseconds on, off, frequencies), the name of "
        "one such as 'us-ring', a file such as '/sounds/ring.wav', 'local_stream://NAME', an address of https, http, "
        "http_cache or shout, 'silence' and 'none' are accepted, at most 255 characters without blanks",
    ),
    ("group set Vertrieb --member-level all", f"'all' is not a level: {LEVELS}"),
    ("group set Vertrieb --leader x", NO_USER),
    ("group set Vertrieb --leader anna --leader-level all", f"'all' is not a level: {LEVELS}"),
    ("group set Vertrieb --deputy-level team", "group 'Vertrieb' has no deputy for a level: give --deputy too"),
    (
        "group set Vertrieb --leader anna --deputy anna",
        "the leader of group 'Vertrieb' cannot be its deputy too: another user is accepted",
    ),
    (
        "group set Vertrieb --overflow busy=dialplan",
        f"'busy=dialplan' is not an overflow: OUTCOME=WHERE is accepted, with {OUTCOMES}",
    ),
    (
        "group set Vertrieb --overflow all_busy",
        f"'all_busy' is not an overflow: OUTCOME=WHERE is accepted, with {OUTCOMES}",
    ),
    (
        "group set Vertrieb --overflow all_busy=respond:200",
        "'200' is not a SIP status to refuse a call with: 400 to 699 is accepted",
    ),
    (
        "group set Vertrieb --overflow all_busy=sing",
        "'sing' is not an overflow: 'dialplan', 'transfer: EXTENSION' or 'respond: STATUS' is accepted",
    ),
    ("group set Vertrieb --name Service", "there is a group 'Service' already: a new name is accepted"),
    ("group set x", NO_GROUP),
    ("group remove x --yes", NO_GROUP),
    ("group show x", NO_GROUP),
    ("member add x anna", NO_GROUP),
    ("member add Service x", NO_USER),
    ("member add Vertrieb anna", "user 'anna' is a member of group 'Vertrieb' already: each member is accepted once"),
    (
        "member add Service anna anna",
        "user 'anna' is a member of group 'Service' already: each member is accepted once",
    ),
    ("member add Service anna --position 4", "there is no position 4: 1 to 3 is accepted"),
    ("member move Service dora 3", "there is no position 3: 1 to 2 is accepted"),
    (
        "member move Service anna 1",
        "user 'anna' is not a member of group 'Service': "
        "a member that `esl-huntgroup member list --group` shows is accepted",
    ),
    (
        "member remove Service anna",
        "user 'anna' is not a member of group 'Service': "
        "a member that `esl-huntgroup member list --group` shows is accepted",
    ),
    ("member show Service anna", "user 'anna' is not a member of group 'Service': a member is accepted"),
    ("member list --group x", NO_GROUP),
    ("member list --user x", NO_USER),
    ("level set anna x team", NO_USER),
    ("level set anna anna team", "user 'anna' needs no level on himself: two users are accepted"),
    ("level set anna bernd all", f"'all' is not a level: {LEVELS}"),
    ("level add anna bernd Team", f"'Team' is not a level: {LEVELS}"),
    ("level group x team", NO_GROUP),
    (
        "level remove anna bernd",
        "user 'anna' grants user 'bernd' nothing: a grant that `esl-huntgroup level list` shows is accepted",
    ),
    ("level show anna bernd", "user 'anna' grants user 'bernd' nothing: two users of `level list` are accepted"),
    ("level list --owner x", NO_USER),
    ("service add ''", "'' is not the name of a service: 1 to 64 printable characters are accepted"),
    (
        "service add mail --description a\x07",
        "'a\\x07' is not a description: up to 255 printable characters are accepted",
    ),
    ("service grant x --user anna", NO_SERVICE),
    ("service revoke x --user anna", NO_SERVICE),
    ("service set x --description y", NO_SERVICE),
    ("service show x", NO_SERVICE),
    ("service list --user x", NO_USER),
    ("favourite add x --user anna", NO_GROUP),
    ("favourite add Service --user x", NO_USER),
    ("favourite add Service", ENTRY),
    ("favourite add Service --name Taxi", ENTRY),
    ("monitor add Service --user anna --number 1", ENTRY),
    ("monitor add Service --name Taxi --number x", f"'x' {NO_NUMBER}"),
    ("monitor add Service --user anna --position 2", "there is no position 2: 1 is accepted"),
    ("monitor remove Service 1", "there is no position 1: the list is empty"),
    ("monitor show Service 1", "there is no position 1: the list is empty"),
    ("favourites list x", NO_USER),
    ("favourites list --group x", NO_GROUP),
    ("rights x anna", NO_USER),
    ("rights anna x", NO_USER),
    (
        "audit --since yesterday",
        "'yesterday' is not a time: 2026-11-22, 2026-11-22T18:30 or 2026-11-22T18:30:00+01:00 is accepted",
    ),
    ("completion tcsh", "'tcsh' is not a shell that is known: bash, zsh, fish are accepted"),
]


@pytest.mark.parametrize(("command", "sentence"), REFUSED, ids=[command for command, _ in REFUSED])
def test_what_is_refused_is_one_sentence_and_status_1_and_changes_nothing(
    run: Run, sqlite: peewee.Database, command: str, sentence: str
) -> None:
    before = everything(sqlite)
    result = run(*shlex.split(command))
    assert result.output.splitlines() == [f"esl-huntgroup: {sentence}"]
    assert result.exit_code == 1
    assert everything(sqlite) == before


@pytest.mark.parametrize(
    "command",
    [
        "user",
        "user add",
        "user ad",
        "user add zoe --colour red",
        "member add Vertrieb",
        "member move Vertrieb anna first",
        "group set Vertrieb --number 1 --no-number",
        "favourites list --resource-lists",
        "favourites list anna --group Vertrieb",
        "audit --limit 0",
        "rights anna",
    ],
)
def test_a_wrong_command_line_is_status_2(run: Run, command: str) -> None:
    assert run(*command.split()).exit_code == 2


def test_without_a_domain_a_line_and_a_group_are_refused(run: Run) -> None:
    for command, what in ((("line", "add", "anna", "999"), "line 999"), (("group", "add", "Neu"), "group 'Neu'")):
        result = run(*command, domain="")
        assert result.output == f"esl-huntgroup: {what} has no domain: give --domain or set default_domain\n"
        assert result.exit_code == 1


LISTS = ["user list", "line list", "line list --user u1", "group list", "member list", "member list --group g1",
         "level list", "service list", "service list --user u1", "favourite list", "favourite list --group g1",
         "favourite list u1", "monitor list u1 --resource-lists", "rights u1 u2", "audit", "user show u1",
         "group show g1"]  # fmt: skip


@pytest.fixture
def filled(sqlite_url: str) -> Callable[[int], None]:
    """Return what adds ``count`` of everything."""

    def fill(count: int) -> None:
        db = open_database(sqlite_url)
        ids = range(1, count + 1)
        domain = DOMAIN

        def add(table: str, columns: str, rows: list[tuple[object, ...]]) -> None:
            insert_rows(db, table, columns.split(), rows)

        with db.atomic():
            add("users", "id name display_name", [(i, f"u{i}", f"U {i}") for i in ids])
            add("lines", "user_id domain number account", [(i, domain, str(10_000 + i), "a") for i in ids])
            add("groups", "id name domain number", [(i, f"g{i}", domain, str(50_000 + i)) for i in ids])
            add("services", "name", [(f"s{i}",) for i in ids])
            first_group = [(1, i, i) for i in ids]
            add("members", "group_id position user_id", [*first_group, *((i, 1, 1) for i in ids[1:])])
            add("members", "group_id position user_id", [(i, 2, 2) for i in ids[1:]])
            add("superiors", "group_id role user_id level", [(i, "leader", 1, "team") for i in ids])
            add("user_levels", "owner_user_id other_user_id level", [(1, i, "team") for i in ids[1:]])
            add("group_services", "group_id service", [(1, f"s{i}") for i in ids])
            add("user_services", "user_id service", [(i, "s1") for i in ids])
            for name in ("favourites", "monitor"):
                add("prepared_contents", "group_id list position user_id", [(1, name, i, i) for i in ids])
            add("audit", "at_ms who action kind name", [(i, "root", "add", "user", f"u{i}") for i in ids])
        db.close()

    return fill


@pytest.mark.parametrize("command", LISTS)
def test_a_list_takes_the_same_number_of_queries_whatever_its_size(
    sqlite_url: str, filled: Callable[[int], None], queries: list[str], command: str
) -> None:
    counts, sizes = [], []
    for count in (10, 1000):
        filled(count)
        queries.clear()
        limit = ["--limit", "5000"] if command == "audit" else []
        result = CliRunner().invoke(cli, ["--database", sqlite_url, *command.split(), *limit])
        assert result.exit_code == 0
        counts.append(len(queries))
        sizes.append(len(result.output))
        db = open_database(sqlite_url)
        for table in ("audit", "lines", "groups", "services", "users"):
            execute(db, f"DELETE FROM {table}")
        db.close()
    assert counts[0] == counts[1] <= 12
    if command.partition(" ")[2] in ("list", "list u1") or command == "group show g1":
        assert sizes[1] > 20 * sizes[0]


def test_the_tree_is_imported_only_when_it_is_asked_for() -> None:
    assert set(ADMINISTRATION) | {"rights", "audit", "completion"} <= set(COMMANDS)
