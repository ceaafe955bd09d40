"""A command, a file and an import change the configuration in one way: by the same rules, with the same audit."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import peewee
import pytest

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.admin import groups, levels, lines, members, prepared, services, users
from esl_huntgroup.provisioning.admin.desk import Desk, Work, perform
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.document import Document
from esl_huntgroup.provisioning.load import Rules, load_document, load_file, read_document
from esl_huntgroup.provisioning.model import Inventory
from esl_huntgroup.provisioning.store import read_inventory
from tests.database.rows import DOMAIN, everything
from tests.database.test_configuration_file import another
from tests.database.test_loading import firm_of

FIRM = """
services: [{name: fax}]
users: [{name: anna}, {name: bernd}, {name: clara}]
groups:
- {name: Vertrieb, number: 700, hunt_mode: softphone, members: [anna, bernd]}
"""
CHANGES: list[tuple[Work, str]] = [
    (lambda at: members.add(at, "Vertrieb", ["clara"]), "groups: [{name: Vertrieb, members: [anna, bernd, clara]}]"),
    (lambda at: members.move(at, "Vertrieb", "bernd", 1), "groups: [{name: Vertrieb, members: [bernd, anna]}]"),
    (lambda at: members.remove(at, "Vertrieb", ["anna"]), "groups: [{name: Vertrieb, members: [bernd]}]"),
    (lambda at: users.change(at, "anna", display_name="Anna"), "users: [{name: anna, display_name: Anna}]"),
    (lambda at: users.remove(at, "anna"), "users: [{name: anna, remove: true}]"),
    (lambda at: lines.add(at, "anna", "101"), "users: [{name: anna, lines: [101]}]"),
    (lambda at: levels.grant(at, "anna", "bernd", "team"), "users: [{name: anna, levels: {bernd: team}}]"),
    (
        lambda at: groups.change(at, "Vertrieb", {"leader": "clara", "overflow": ["all_busy=respond:486"]}),
        "groups: [{name: Vertrieb, leader: {user: clara, level: team}, overflow: {all_busy: {respond: 486}}}]",
    ),
    (lambda at: groups.remove(at, "Vertrieb"), "groups: [{name: Vertrieb, remove: true}]"),
    (lambda at: services.grant(at, "fax", ["Vertrieb"], []), "groups: [{name: Vertrieb, services: [fax]}]"),
    (lambda at: services.remove(at, "fax"), "services: [{name: fax, remove: true}]"),
    (
        lambda at: prepared.add(at, "favourites", "Vertrieb", prepared.content("clara", None, None)),
        "groups: [{name: Vertrieb, favourites: [clara]}]",
    ),
]


def document(folder: Path, text: str) -> Document:
    path = folder / "one.yaml"
    path.write_text(text, encoding="utf-8")
    return read_document(path)


def load(db: peewee.Database, folder: Path, text: str, who: str = "root") -> None:
    load_document(db, document(folder, text), Rules(DOMAIN), who=who)


@pytest.fixture
def firm(database: peewee.Database, tmp_path: Path) -> peewee.Database:
    load(database, tmp_path, FIRM)
    return database


def history(db: peewee.Database, since: int, *, kind: str = "", name: str = "") -> list[Change]:
    """Return the changes that came after the first ``since``, without that of a file as a whole."""
    found = audit.entries(db, kind=kind, name=name, limit=10_000)
    return [entry.change for entry in reversed(found)][since:]


@pytest.mark.parametrize(("command", "text"), CHANGES, ids=[text for _, text in CHANGES])
def test_a_command_and_a_file_leave_the_same_configuration_and_the_same_audit(
    sqlite: peewee.Database, tmp_path: Path, command: Work, text: str
) -> None:
    other = another(tmp_path)
    for db in (sqlite, other):
        load(db, tmp_path, FIRM)
    before = len(audit.entries(sqlite, limit=10_000))
    perform(Desk(sqlite, DOMAIN), "root", command)
    load(other, tmp_path, text)
    assert read_inventory(sqlite) == read_inventory(other)
    whole, *by_file = history(other, before)
    assert (whole.action, whole.kind) == ("load", "file")
    assert history(sqlite, before) == by_file
    other.close()


def test_the_audit_of_a_member_and_that_of_a_group_each_tell_everything(firm: peewee.Database, tmp_path: Path) -> None:
    desk = Desk(firm, DOMAIN)
    perform(desk, "root", lambda at: members.add(at, "Vertrieb", ["clara"], position=1))
    load(firm, tmp_path, "groups: [{name: Vertrieb, members: [bernd, anna]}]")
    perform(desk, "root", lambda at: users.remove(at, "bernd"))
    perform(desk, "root", lambda at: groups.remove(at, "Vertrieb"))
    of_group = [(it.action, (it.after or {}).get("members")) for it in history(firm, 0, kind="group", name="Vertrieb")]
    assert of_group == [
        ("add", ["anna", "bernd"]),
        ("set", ["clara", "anna", "bernd"]),
        ("set", ["bernd", "anna"]),
        ("set", ["anna"]),
        ("remove", None),
    ]
    assert [(it.action, it.name) for it in history(firm, 0, kind="member")] == [
        *(("add", "Vertrieb/anna"), ("add", "Vertrieb/bernd"), ("add", "Vertrieb/clara")),
        *(("remove", "Vertrieb/clara"), ("move", "Vertrieb/bernd")),
        *(("remove", "Vertrieb/bernd"), ("remove", "Vertrieb/anna")),
    ]


def test_a_leader_is_not_the_deputy_too_whichever_way_it_comes(firm: peewee.Database, tmp_path: Path) -> None:
    sentence = "the leader of group 'Vertrieb' cannot be its deputy too: another user is accepted"
    load(firm, tmp_path, "groups: [{name: Vertrieb, leader: {user: anna, level: team}}]")
    with pytest.raises(InputError) as refused:
        perform(Desk(firm, DOMAIN), "root", lambda at: groups.change(at, "Vertrieb", {"deputy": "anna"}))
    assert str(refused.value) == sentence
    with pytest.raises(InputError) as refused:
        load(firm, tmp_path, "groups:\n- name: Vertrieb\n  deputy: {user: anna, level: team}")
    assert str(refused.value) == f"{tmp_path / 'one.yaml'}, line 3: {sentence}"
    load(firm, tmp_path, "groups: [{name: Vertrieb, leader: none, deputy: {user: anna, level: team}}]")


def test_a_group_does_not_overflow_to_itself_whichever_way_it_comes(firm: peewee.Database, tmp_path: Path) -> None:
    sentence = "the overflow no_answer of group 'Vertrieb' cannot be its own number 700: another extension is accepted"
    before = everything(firm)
    itself = {"overflow": ["no_answer=transfer:700"]}
    with pytest.raises(InputError) as refused:
        perform(Desk(firm, DOMAIN), "root", lambda at: groups.change(at, "Vertrieb", itself))
    assert str(refused.value) == sentence
    with pytest.raises(InputError) as refused:
        load(firm, tmp_path, "groups:\n- name: Vertrieb\n  overflow:\n    no_answer: {transfer: 700 XML default}")
    assert str(refused.value) == f"{tmp_path / 'one.yaml'}, line 4: {sentence}"
    assert everything(firm) == before
    load(firm, tmp_path, "groups: [{name: Vertrieb, overflow: {no_answer: {transfer: 701}}}]")
    with pytest.raises(InputError, match=r"no_answer of group 'Vertrieb' cannot be its own number 701: "):
        perform(Desk(firm, DOMAIN), "root", lambda at: groups.change(at, "Vertrieb", {"number": "701"}))


def test_a_rename_says_both_names_and_everything_stays_with_its_owner(firm: peewee.Database) -> None:
    desk = Desk(firm, DOMAIN)
    perform(desk, "root", lambda at: groups.change(at, "Vertrieb", {"leader": "anna"}))
    perform(desk, "root", lambda at: users.change(at, "anna", new_name="zoë"))
    (change,) = perform(desk, "root", lambda at: groups.change(at, "Vertrieb", {"name": "Verkauf", "number": "701"}))
    assert (change.action, change.name, change.before and change.before["name"]) == ("set", "Vertrieb", "Vertrieb")
    assert change.after is not None
    assert (change.after["name"], change.after["number"], change.after["leader"]) == ("Verkauf", "701", "zoë")
    (renamed,) = [it for it in history(firm, 0, kind="user") if it.action == "set"]
    assert (renamed.name, renamed.after and renamed.after["name"]) == ("anna", "zoë")
    assert read_inventory(firm).groups["Verkauf"].members == ("zoë", "bernd")


# -- at the same time -------------------------------------------------------------------------------------------------


def at_the_same_time(url: str, *works: Callable[[peewee.Database], object]) -> list[Exception]:
    """Do all the works at once, each over a connection of its own; return what they raised."""
    ready, failures = threading.Barrier(len(works)), []

    def run(work: Callable[[peewee.Database], object]) -> None:
        db = open_database(url)
        ready.wait(20)
        try:
            work(db)
        except Exception as error:  # whatever it is, the test shows it
            failures.append(error)
        finally:
            db.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failures


def test_of_many_administrators_at_once_nobody_s_change_is_lost(
    url: str, firm: peewee.Database, tmp_path: Path
) -> None:
    names = [f"u{number}" for number in range(12)]
    load(firm, tmp_path, f"users: [{', '.join(f'{{name: {name}}}' for name in names)}]")
    files = [
        document(tmp_path, f"groups: [{{name: Vertrieb, {key}}}]") for key in ("ring_timeout_s: 20", "ringback: /x")
    ]

    def adds(mine: list[str]) -> Callable[[peewee.Database], object]:
        def work(db: peewee.Database) -> None:
            for name in mine:
                perform(Desk(db, DOMAIN), "root", functools.partial(members.add, group="Vertrieb", users=[name]))

        return work

    def loads(file: Document) -> Callable[[peewee.Database], object]:
        return lambda db: load_document(db, file, Rules(DOMAIN))

    failures = at_the_same_time(
        url,
        *(adds(names[first::4]) for first in range(4)),
        *map(loads, files),
        lambda db: perform(Desk(db, DOMAIN), "root", lambda at: groups.change(at, "Vertrieb", {"number": "777"})),
        lambda db: perform(Desk(db, DOMAIN), "root", lambda at: users.remove(at, "bernd")),
    )
    assert failures == []
    group = read_inventory(firm).groups["Vertrieb"]
    assert sorted(group.members) == sorted(["anna", *names])
    assert (group.ring_timeout_s, group.ringback, group.number) == (20, "/x", "777")
    of_group = history(firm, 0, kind="group", name="Vertrieb")
    assert all(one.after == other.before for one, other in itertools.pairwise(of_group))


@pytest.mark.parametrize("first_is_a_file", [True, False])
def test_a_load_and_a_command_wait_for_one_another(
    url: str, firm: peewee.Database, tmp_path: Path, first_is_a_file: bool
) -> None:
    file = document(tmp_path, "groups: [{name: Vertrieb, ring_timeout_s: 20}]")

    def loads(db: peewee.Database) -> object:
        return load_document(db, file, Rules(DOMAIN))

    def commands(db: peewee.Database) -> object:
        return perform(Desk(db, DOMAIN), "root", lambda at: groups.change(at, "Vertrieb", {"ringback": "/x"}))

    first, second = (loads, commands) if first_is_a_file else (commands, loads)
    failures: list[Exception] = []
    with firm.atomic():
        first(firm)
        thread = threading.Thread(target=lambda: failures.extend(at_the_same_time(url, second)))
        thread.start()
        thread.join(0.5)  # it waits for us now, in the database
    thread.join(20)
    assert failures == []
    group = read_inventory(firm).groups["Vertrieb"]
    assert (group.ring_timeout_s, group.ringback) == (20, "/x")


# -- what it costs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def large(sqlite: peewee.Database, tmp_path: Path) -> peewee.Database:
    path = tmp_path / "large.yaml"
    path.write_text(firm_of(20_000, 2_000), encoding="utf-8")
    load_file(sqlite, path, default_domain=DOMAIN)
    return sqlite


COMMANDS: list[Work] = [
    lambda at: members.add(at, "g7", ["u15000"]),
    lambda at: groups.change(at, "g8", {"number": "990001", "leader": "u3"}),
    lambda at: lines.add(at, "u5", "990002"),
    lambda at: users.remove(at, "u49"),
]


def test_a_command_reads_only_what_it_touches(large: peewee.Database, queries: list[str]) -> None:
    desk, taken_s = Desk(large, DOMAIN), []
    for command in COMMANDS:
        queries.clear()
        began = time.monotonic()
        assert perform(desk, "root", command)
        taken_s.append(time.monotonic() - began)
        reads = [sql for sql in queries if sql.startswith("SELECT")]
        assert all("WHERE" in sql or ("JOIN" not in sql and "schema_version" in sql) for sql in reads)
        assert len(queries) < 45
    assert max(taken_s) < 0.3


def test_a_part_of_the_configuration_is_enough_for_the_rules(large: peewee.Database) -> None:
    desk = Desk(large, DOMAIN)
    for command, sentence in (
        (lambda at: lines.add(at, "u5", "900000"), "user 'u5' cannot have the line 900000, it is the number of group "),
        (
            lambda at: lines.change(at, "100005", new_number="900000"),
            "user 'u5' cannot have the line 900000, it is the",
        ),
        (
            lambda at: groups.change(at, "g1", {"number": "100000"}),
            "group 'g1' cannot have the number 100000, it is a ",
        ),
        (
            lambda at: groups.change(at, "g1", {"number": "900000"}),
            "group 'g1' cannot have the number 900000, it is th",
        ),
        (lambda at: members.add(at, "g1", ["nobody"]), "there is no user 'nobody': "),
    ):
        with pytest.raises(InputError) as refused:
            perform(desk, "root", command)
        assert str(refused.value).startswith(sentence)


def test_an_empty_scope_reads_nothing(sqlite: peewee.Database, queries: list[str]) -> None:
    queries.clear()
    assert perform(Desk(sqlite, DOMAIN), "root", lambda _at: []) == []
    assert not [sql for sql in queries if sql.startswith("SELECT")]
    assert read_inventory(sqlite) == Inventory()
