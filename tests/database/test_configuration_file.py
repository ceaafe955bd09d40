"""The whole configuration as a file: out, in, and out again; what would change, in words; what goes; who did it."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import click
import peewee
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esl_huntgroup.cli.load import export_command, load_command
from esl_huntgroup.cli.output import progress_shown
from esl_huntgroup.db import migrate
from esl_huntgroup.db.engine import execute, open_database, quoted
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import Overflow, OverflowAction
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.diff import sentence
from esl_huntgroup.provisioning.export import export, export_text
from esl_huntgroup.provisioning.load import Rules, load_document, load_file, preview, read_document
from esl_huntgroup.provisioning.load_plan import plan
from esl_huntgroup.provisioning.model import Inventory, StoredGroup, StoredLine, StoredUser
from esl_huntgroup.provisioning.schemas import FILE
from esl_huntgroup.provisioning.store import read_inventory
from esl_huntgroup.provisioning.values import Content, Superior
from tests.database.rows import DOMAIN
from tests.database.test_loading import everything, firm_of

FULL = """
services:
  - {name: fax, description: Fax at the desk}
  - {name: Durchwahl ins Ausland}
users:
  - name: anna
    display_name: Anna Bärg
    lines: ["101", {number: "0201", kind: hardphone, account: desk-7}]
    services: [fax]
    levels: {ben: personal, carla: team}
  - {name: ben, lines: [{number: "102", domain: west.example}]}
  - {name: carla}
groups:
  - name: Vertrieb Süd
    number: "+49700"
    hunt_mode: softphone
    ring_timeout_s: 20
    ringback: "%(1000,4000,425)"
    member_level: team
    members: [ben, anna]
    leader: {user: carla, level: personal}
    deputy: {user: anna, level: business}
    services: [fax, Durchwahl ins Ausland]
    favourites: [carla, {name: Taxi Müller, number: "0301234"}, anna]
    monitor: [anna]
    overflow: {no_answer: {transfer: "500"}, all_busy: {respond: 486}, nobody_registered: dialplan}
  - {name: "0700: no", is_active: false}
"""


def load(db: peewee.Database, folder: Path, text: str, who: str = "eve") -> list[str]:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return load_file(db, path, default_domain=DOMAIN, who=who).sentences()


def diff(db: peewee.Database, folder: Path, text: str) -> list[str]:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return [sentence(change) for change in preview(db, read_document(path), Rules(DOMAIN))]


@pytest.fixture
def firm(database: peewee.Database, tmp_path: Path) -> peewee.Database:
    load(database, tmp_path, FULL)
    return database


@pytest.fixture
def small_firm(sqlite: peewee.Database, tmp_path: Path) -> peewee.Database:
    load(sqlite, tmp_path, FULL)
    return sqlite


def another(folder: Path) -> peewee.Database:
    db = open_database(f"sqlite:///{folder}/another.db")
    migrate.upgrade(db)
    return db


def test_everything_is_stored_as_it_was_written(firm: peewee.Database) -> None:
    found = read_inventory(firm)
    assert found.services == {"fax": "Fax at the desk", "Durchwahl ins Ausland": ""}
    assert found.users["anna"] == StoredUser("Anna Bärg", ("fax",), {"ben": "personal", "carla": "team"})
    assert found.lines[DOMAIN, "0201"] == StoredLine("anna", "hardphone", "desk-7")
    assert found.groups["0700: no"] == StoredGroup(DOMAIN, is_active=False)
    assert found.groups["Vertrieb Süd"] == StoredGroup(
        DOMAIN,
        number="+49700",
        hunt_mode="softphone",
        ring_timeout_s=20,
        ringback="%(1000,4000,425)",
        member_level="team",
        members=("ben", "anna"),
        leader=Superior("carla", "personal"),
        deputy=Superior("anna", "business"),
        services=("Durchwahl ins Ausland", "fax"),
        favourites=(Content("carla"), Content(name="Taxi Müller", number="0301234"), Content("anna")),
        monitor=(Content("anna"),),
        overflows={
            Outcome.NO_ANSWER: Overflow(OverflowAction.TRANSFER, "500 XML default"),
            Outcome.ALL_BUSY: Overflow(OverflowAction.RESPOND, "486"),
            Outcome.NOBODY_REGISTERED: Overflow(OverflowAction.DIALPLAN),
        },
    )


def test_export_load_export_is_the_same_byte_by_byte(firm: peewee.Database, tmp_path: Path) -> None:
    text = export(firm)
    fresh = another(tmp_path)
    load(fresh, tmp_path, text)
    assert export(fresh) == text
    assert read_inventory(fresh) == read_inventory(firm)
    assert diff(firm, tmp_path, text) == []
    fresh.close()


NAME = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
WORD = st.from_regex(r"[A-Za-z0-9äß日][A-Za-z0-9.@+-]{0,10}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.dictionaries(WORD, NAME, min_size=1, max_size=6), st.dictionaries(NAME, NAME, max_size=4), st.data())
def test_whatever_the_names_are_a_file_brings_them_back(
    tmp_path: Path, users: dict[str, str], groups: dict[str, str], data: st.DataObject
) -> None:
    inventory = Inventory(users={name: StoredUser(shown) for name, shown in users.items()})
    for number, (name, contact) in enumerate(groups.items(), start=700):
        members = tuple(data.draw(st.permutations(sorted(users))))
        contents = (Content(members[0]), Content(name=contact, number=str(number)))
        inventory.groups[name] = StoredGroup(DOMAIN, str(number), members=members, favourites=contents)
    path = tmp_path / "f.yaml"
    path.write_text(export_text(inventory), encoding="utf-8")
    assert export_text(planned(path)) == export_text(normal(inventory))


def normal(inventory: Inventory) -> Inventory:
    """Return the inventory as the schemas leave it: in one Unicode form."""

    def nfc(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    users = {nfc(name): StoredUser(nfc(user.display_name)) for name, user in inventory.users.items()}
    groups = {}
    for name, group in inventory.groups.items():
        contents = tuple(Content(nfc(it.user), nfc(it.name), it.number) for it in group.favourites)
        members = tuple(map(nfc, group.members))
        groups[nfc(name)] = StoredGroup(DOMAIN, group.number, members=members, favourites=contents)
    return Inventory(users=users, groups=groups)


def planned(path: Path) -> Inventory:
    found = plan(FILE.load(read_document(path).root.plain()), Inventory(), default_domain="")
    assert not found.problems
    return found.wanted


def test_what_would_change_is_said_in_words_and_nothing_is_changed(small_firm: peewee.Database, tmp_path: Path) -> None:
    before = everything(small_firm)
    assert diff(
        small_firm,
        tmp_path,
        """
        services: [{name: fax, remove: true}, {name: Ansage}]
        users:
          - {name: anna, display_name: Anna Berg, levels: {ben: none, carla: public}}
          - {name: ben, remove: true}
          - {name: dora, lines: [102]}
        groups:
          - {name: Vertrieb Süd, ring_timeout_s: 25, members: [dora, anna], leader: none, favourites: [anna, carla],
             overflow: {no_answer: dialplan}}
          - {name: "0700: no", remove: true}
        """,
    ) == [
        "would remove service fax",
        "would add service Ansage",
        "would remove user ben",
        "would add user dora: display_name dora",
        "would change user anna: display_name Anna Bärg -> Anna Berg; services without fax",
        "would remove level anna/ben",
        "would change level anna/carla: level team -> public",
        "would remove line 102@west.example",
        "would add line 102@example.org: user dora; kind softphone; account 102",
        "would remove group 0700: no",
        "would change group Vertrieb Süd: ring_timeout_s 20 -> 25; members without ben, with dora; "
        "leader user carla level personal -> nothing; services without fax; "
        "favourites without name Taxi Müller number 0301234, in the order anna, carla; "
        "overflow no_answer transfer 500 XML default -> dialplan",
    ]
    assert everything(small_firm) == before


def test_what_the_file_removes_goes_and_its_numbers_are_free(firm: peewee.Database, tmp_path: Path) -> None:
    report = load(
        firm,
        tmp_path,
        """
        services: [{name: fax, remove: true}]
        users:
          - {name: anna, remove: true}
          - {name: carla, lines: [101, "+49700"]}
          - {name: nobody, remove: true}
        groups:
          - {name: Vertrieb Süd, number: "0201"}
          - {name: "0700: no", remove: true}
        """,
    )
    assert report == [
        "users: 0 added, 0 changed, 2 unchanged, 1 removed",
        "lines: 1 added, 1 changed, 0 unchanged, 1 removed",
        "groups: 0 added, 1 changed, 0 unchanged, 1 removed",
        "services: 0 added, 0 changed, 0 unchanged, 1 removed",
    ]
    found = read_inventory(firm)
    assert set(found.users) == {"ben", "carla"}
    assert {key: line.user for key, line in found.lines.items()} == {
        (DOMAIN, "101"): "carla",
        (DOMAIN, "+49700"): "carla",
        ("west.example", "102"): "ben",
    }
    sales = found.groups["Vertrieb Süd"]
    assert (sales.number, sales.members, sales.deputy, sales.monitor) == ("0201", ("ben",), None, ())
    assert sales.services == ("Durchwahl ins Ausland",)
    assert sales.favourites == (Content("carla"), Content(name="Taxi Müller", number="0301234"))
    positions = execute(firm, "SELECT position FROM members").fetchall()
    assert [row[0] for row in positions] == [1]


def test_a_line_that_one_user_gives_up_another_can_take(firm: peewee.Database, tmp_path: Path) -> None:
    load(firm, tmp_path, "users: [{name: carla, lines: [101]}, {name: anna, lines: [{number: 101, remove: true}]}]")
    assert read_inventory(firm).lines[DOMAIN, "101"].user == "carla"


def test_a_number_is_given_up_with_none(firm: peewee.Database, tmp_path: Path) -> None:
    load(firm, tmp_path, "groups: [{name: Vertrieb Süd, number: none, hunt_mode: disabled, deputy: none}]")
    group = read_inventory(firm).groups["Vertrieb Süd"]
    assert (group.number, group.deputy, group.leader) == (None, None, Superior("carla", "personal"))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("groups: [{name: N, is_active: maybe}]",
         ["line 1: group 'N', is_active: 'maybe' is neither: true, false are accepted"]),
        ("groups: [{name: N, member_level: all}]",
         ["line 1: group 'N', member_level: 'all' is not a level: "
          "blocked, public, business, team, personal are accepted"]),
        ("groups: [{name: N, leader: anna}]",
         ["line 1: group 'N', leader: 'anna' is not a superior: '{user: NAME, level: LEVEL}' or 'none' is accepted"]),
        ("groups: [{name: N, deputy: {user: zoe, level: team}}]",
         ["line 1: group 'N' has as deputy the unknown user 'zoe': users of this file "
          "and of the database are accepted"]),
        ("groups:\n- {name: N, favourites: [anna, anna]}\n- {name: M, monitor: [zoe, {name: X}]}",
         ["line 2: group 'N' has 'anna' in favourites twice: each is accepted once",
          "line 3: group 'M' has in monitor the unknown user 'zoe': users of this file "
          "and of the database are accepted",
          "line 3: group 'M', monitor: a mapping is no content: the name of a user or '{name: NAME, number: NUMBER}' "
          "is accepted"]),
        ("groups:\n- {name: N, favourites: [anna, {name: A, number: 1}, anna, {name: B, number: 1}]}\n"
         "- {name: M, monitor: [zoe]}",
         ["line 2: group 'N' has '1' in favourites twice: each is accepted once",
          "line 2: group 'N' has 'anna' in favourites twice: each is accepted once",
          "line 3: group 'M' has in monitor the unknown user 'zoe': users of this file "
          "and of the database are accepted"]),
        ("groups: [{name: N, services: [sms]}]\nusers: [{name: anna, services: [sms]}]",
         ["line 1: group 'N' has the unknown service 'sms': services of this file and of the database are accepted",
          "line 2: user 'anna' has the unknown service 'sms': services of this file and of the database are accepted"]),
        ("users: [{name: anna, levels: {anna: team, zoe: team, ben: all}}]",
         ["line 1: user 'anna' cannot have a level on themselves: another user is accepted",
          "line 1: user 'anna' grants team to the unknown user 'zoe': users of this file "
          "and of the database are accepted",
          "line 1: user 'anna', levels: 'all' is not a level: "
          "blocked, public, business, team, personal are accepted"]),
        ("users: [{name: anna, levels: {anna: team, zoe: team}}]",
         ["line 1: user 'anna' cannot have a level on themselves: another user is accepted",
          "line 1: user 'anna' grants team to the unknown user 'zoe': users of this file "
          "and of the database are accepted"]),
        ("users: [{name: anna, levels: [ben]}]",
         ["line 1: user 'anna', levels: a list stands there: a mapping from users to levels is accepted"]),
        ("users: [{name: anna, remove: true, lines: [5]}]",
         ["line 1: user 'anna' is to be removed, but 'lines' is given too: 'name' alone is accepted"]),
        ("users: [{name: anna, remove: 1}]",
         ["line 1: user 'anna', remove: '1' is neither: true, false are accepted"]),
        ("users: [{name: ben, lines: [{number: 101, remove: true}]}]",
         ["line 1: line 101 cannot be removed from user 'ben', it is of user 'anna': a line of that user is accepted"]),
        ("users: [{name: anna, remove: true}]\ngroups: [{name: N, members: [anna]}]",
         ["line 2: group 'N' has the unknown user 'anna': users of this file "
          "and of the database are accepted"]),
        ("groups: [{name: Vertrieb Süd, number: none}]",
         ["line 1: group 'Vertrieb Süd' has hunt mode softphone and no group number: give 'number' too"]),
        ("services: [{name: a, description: 'x\\ty'}, {name: b, remove: true, description: x}, {name: b}]",
         ["line 1: service 'b' is in the file twice: each is accepted once",
          "line 1: service 'b' is to be removed, but 'description' is given too: 'name' alone is accepted"]),
        ("services: [{name: a, description: \"x\\ty\"}]",
         ["line 1: service 'a', description: 'x\\ty' is not a description: "
          "up to 255 printable characters are accepted"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_and_nothing_is_changed(
    small_firm: peewee.Database, tmp_path: Path, text: str, sentences: list[str]
) -> None:
    before = everything(small_firm)
    for attempt in (load, diff):
        with pytest.raises(InputError) as refused:
            attempt(small_firm, tmp_path, text)
        found = [line.removeprefix(f"{tmp_path / 'f.yaml'}, ") for line in str(refused.value).splitlines()]
        assert found == sentences
    assert everything(small_firm) == before


def test_each_change_of_a_load_is_in_the_audit_with_who_and_in_one_transaction(
    firm: peewee.Database, tmp_path: Path
) -> None:
    load(firm, tmp_path, "users: [{name: ben, display_name: Ben}]\ngroups: [{name: '0700: no', remove: true}]", "fritz")
    group, user, whole = audit.entries(firm)[:3]
    assert {entry.who for entry in (group, user, whole)} == {"fritz"}
    assert (group.change.action, group.change.kind, group.change.name) == ("remove", "group", "0700: no")
    assert group.change.after is None
    assert (user.change.action, user.change.kind) == ("set", "user")
    assert user.change.before == {"name": "ben", "display_name": "ben", "services": []}
    assert user.change.after == {"name": "ben", "display_name": "Ben", "services": []}
    assert (whole.change.action, whole.change.name) == ("load", str(tmp_path / "f.yaml"))
    assert len([entry for entry in audit.entries(firm) if entry.who == "eve"]) == 1 + 2 + 3 + 2 + 3 + 2 + 2 + 2
    rows = len(audit.entries(firm))
    load(firm, tmp_path, "users: [{name: ben, display_name: Ben}]")
    assert len(audit.entries(firm)) == rows


# -- the commands -----------------------------------------------------------------------------------------------------


def settings_of(url: str, *hunt_modes: str) -> SimpleNamespace:
    return SimpleNamespace(database=url, default_domain=DOMAIN, hunt_modes=hunt_modes or ("softphone",))


def test_a_hunt_mode_that_is_not_offered_is_refused_unless_the_group_has_it_already(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("groups: [{name: N, number: 700, hunt_mode: voice_services}]")
    refused = run(load_command, sqlite_url, str(file)).exception
    assert str(refused) == (
        f"{file}, line 1: hunt mode voice_services is not offered by this installation (setting hunt_modes): "
        "disabled, softphone are accepted"
    )
    load_file(sqlite, file, default_domain=DOMAIN)
    assert run(load_command, sqlite_url, str(file)).exit_code == 0


def run(command: click.Command, url: str, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, obj=settings_of(url))


def test_export_goes_to_standard_output_and_comes_back(
    small_firm: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    text = run(export_command, sqlite_url).stdout
    assert text == export(small_firm)
    file = tmp_path / "out.yaml"
    file.write_text(text, encoding="utf-8")
    assert run(load_command, sqlite_url, str(file), "--diff").output == "nothing would change\n"


def test_load_says_what_would_change_and_then_who_changed_it(
    small_firm: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("users: [{name: carla, display_name: Carla}]")
    assert run(load_command, sqlite_url, str(file), "--diff").output == (
        "would change user carla: display_name carla -> Carla\n"
    )
    assert run(load_command, sqlite_url, str(file), "--as", "the night shift").exit_code == 0
    assert audit.entries(small_firm)[0].who == "the night shift"
    refused = run(load_command, sqlite_url, str(file), "--as", "\t").exception
    assert str(refused) == "--as '\\t' is not a name: 1 to 128 printable characters are accepted"


@pytest.mark.parametrize("is_seen", [True, False])
def test_progress_is_one_line_that_goes_and_only_where_a_person_looks(
    is_seen: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_seen)
    with progress_shown() as progress:
        progress("reading")
        progress("writing")
    shown = "\r\x1b[Kreading ...\r\x1b[Kwriting ...\r\x1b[K"
    assert capsys.readouterr() == ("", shown if is_seen else "")


def test_a_load_says_each_step(sqlite: peewee.Database, tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    steps: list[str] = []
    file.write_text(FULL, encoding="utf-8")
    load_document(sqlite, read_document(file), Rules(DOMAIN), progress=steps.append)
    assert steps == [
        *("checking", "comparing with the database", "removing what goes", "writing users", "writing lines"),
        *("writing groups", "writing the audit"),
    ]


def test_export_of_any_size_takes_the_same_number_of_queries(
    sqlite: peewee.Database, tmp_path: Path, queries: list[str]
) -> None:
    export(sqlite)
    few = len(queries)
    load(sqlite, tmp_path, firm_of(300, 40))
    queries.clear()
    export(sqlite)
    assert len(queries) == few


def test_the_audit_is_json_that_other_programs_read(small_firm: peewee.Database) -> None:
    sql = f"SELECT {quoted(small_firm, 'after')} FROM audit WHERE kind = 'line' ORDER BY name"
    assert [json.loads(row[0])["user"] for row in execute(small_firm, sql).fetchall()] == ["anna", "anna", "ben"]
