"""`explain` without a switch: what it can say, what it refuses, and how often it asks the database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli.explain import explain_command
from esl_huntgroup.db.engine import execute
from esl_huntgroup.diagnostics.explain import explain
from esl_huntgroup.errors import InputError, SwitchError
from esl_huntgroup.journal.handled import handle
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.settings import Settings
from tests.database import rows
from tests.database.rows import DOMAIN
from tests.database.switches import AskedSwitch
from tests.database.test_journal import call_id as id_of
from tests.database.test_journal import missed, opened, people
from tests.unit.seams import OTHERS

NEEDS_SWITCH = (
    "the switch has to be asked who is registered, but esl_address is not set: "
    "HOST:PORT of its event socket is accepted (and its password in esl_password)"
)
NOBODY = ("127.0.0.1", 1)
REFUSED = "127.0.0.1 port 1: Connection refused"
NO_GROUP = "there is no group {!r}: a name, NUMBER, NUMBER@DOMAIN or the id of a call is accepted"


def run(url: str, *arguments: str, esl_address: tuple[tuple[str, int], ...] = ()) -> Result:
    settings = Settings(database=url, default_domain=DOMAIN, leg_limit=127, esl_address=esl_address, esl_password="")
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
    said = run(sqlite_url, "700", esl_address=(NOBODY,))
    assert isinstance(said.exception, SwitchError)
    assert str(said.exception) == REFUSED


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
    JournalStore(firm).write([opened(2, arrived_at_ms=int(time.time() * 1000))])
    call_id = execute(firm, "SELECT call_id FROM calls").fetchone()[0]
    assert ": ringing now" in run(sqlite_url, call_id).output


# -- several switches -------------------------------------------------------------------------------------------------


@pytest.fixture
def switches() -> Iterator[list[AskedSwitch]]:
    """Give two switches: anna is registered at the first, ben at the second."""
    found = [AskedSwitch({f"101@{DOMAIN}": "10.0.0.1"}), AskedSwitch({f"102@{DOMAIN}": "10.0.0.2"})]
    yield found
    for switch in found:
        switch.close()


@pytest.fixture
def two_members(firm: peewee.Database) -> peewee.Database:
    for user_id, number in ((1, "101"), (2, "102")):
        rows.line(firm, user_id, number)
        rows.insert(firm, "members", group_id=7, user_id=user_id, position=user_id)
    return firm


def test_of_several_switches_each_says_what_a_call_there_would_do(
    two_members: peewee.Database, sqlite_url: str, switches: list[AskedSwitch]
) -> None:
    (one, other) = (switch.address for switch in switches)
    heading = f"group Vertrieb (700@{DOMAIN}): 1 of 2 members would ring"
    expected = [
        heading,
        f"rings          1 User 1: 101@{DOMAIN} at sofia/internal/sip:101@10.0.0.1 (expires in 60 s)",
        f"does not ring  2 User 2: 102@{DOMAIN} is not registered",
        heading,
        f"does not ring  1 User 1: 101@{DOMAIN} is not registered",
        f"rings          2 User 2: 102@{DOMAIN} at sofia/internal/sip:102@10.0.0.2 (expires in 60 s)",
    ]
    assert run(sqlite_url, "700", esl_address=(one,)).output.splitlines() == expected[:3]
    both = run(sqlite_url, "700", esl_address=(one, other))
    expected[0] = f"at 127.0.0.1 port {one[1]}: {heading}"
    expected[3] = f"at 127.0.0.1 port {other[1]}: {heading}"
    assert (both.exit_code, both.output.splitlines()) == (0, expected)


def test_another_strategy_and_another_registrar_are_explained_like_those_of_a_call(
    two_members: peewee.Database,
) -> None:
    switch = AskedSwitch(
        {f"desk-101@{DOMAIN}": "10.0.0.1", f"soft-101@{DOMAIN}": "10.0.0.3", f"desk-102@{DOMAIN}": "10.0.0.2"}
    )
    settings = Settings(default_domain=DOMAIN, leg_limit=1, esl_address=(switch.address,))
    (told,) = explain(two_members, settings, "700", seams=OTHERS)
    switch.close()
    over, then = "is over the limit of 1 phone in one call", "(expires in 77 s)"
    assert told.sentences() == [
        f"group Vertrieb (700@{DOMAIN}): 1 of 2 members would ring",
        f"does not ring  1 User 1: 101@{DOMAIN} at edge/sip:desk-101@10.0.0.1 {over} {then}; "
        f"101@{DOMAIN} at edge/sip:soft-101@10.0.0.3 {over} {then}",
        f"rings          2 User 2: 102@{DOMAIN} at edge/sip:desk-102@10.0.0.2 {then}",
    ]


def test_for_programs_each_switch_is_an_object_that_names_it(
    two_members: peewee.Database, sqlite_url: str, switches: list[AskedSwitch]
) -> None:
    addresses = tuple(switch.address for switch in switches)
    told = [json.loads(line) for line in run(sqlite_url, "700", "--json", esl_address=addresses).output.splitlines()]
    assert [it["switch"] for it in told] == [f"127.0.0.1 port {port}" for _, port in addresses]
    assert [[member["rings"] for member in it["members"]] for it in told] == [[True, False], [False, True]]
    assert json.loads(run(sqlite_url, "700", "--json", esl_address=addresses[:1]).output)["switch"] == ""


@pytest.mark.parametrize("dead_first", [True, False])
def test_a_switch_that_does_not_answer_is_one_line_after_what_the_others_say(
    two_members: peewee.Database, sqlite_url: str, switches: list[AskedSwitch], dead_first: bool
) -> None:
    address = switches[0].address
    said = run(sqlite_url, "700", esl_address=(NOBODY, address) if dead_first else (address, NOBODY))
    assert str(said.exception) == REFUSED
    assert said.output.splitlines()[0].startswith(f"at 127.0.0.1 port {address[1]}: group Vertrieb")
    assert len(said.output.splitlines()) == 3


def test_several_switches_that_do_not_answer_are_a_line_each(two_members: peewee.Database, sqlite_url: str) -> None:
    said = run(sqlite_url, "700", esl_address=(NOBODY, ("127.0.0.1", 2)))
    assert str(said.exception).splitlines() == [REFUSED, REFUSED.replace("port 1", "port 2")]
    assert said.output == ""


def test_a_group_that_is_off_is_told_once_however_many_switches_there_are(
    firm: peewee.Database, sqlite_url: str
) -> None:
    said = run(sqlite_url, "704", esl_address=(NOBODY, NOBODY))
    assert (said.exit_code, said.output.splitlines()) == (0, run(sqlite_url, "704").output.splitlines())


def test_the_phones_of_a_past_call_are_looked_for_on_every_switch(
    firm: peewee.Database, sqlite_url: str, switches: list[AskedSwitch]
) -> None:
    JournalStore(firm).write([opened(2), missed(2)])
    call_id = execute(firm, "SELECT call_id FROM calls").fetchone()[0]
    execute(firm, "UPDATE legs SET line = ?, contact = 'sofia/internal/sip:102@10.0.0.2' WHERE number = 1",
            (f"102@{DOMAIN}",))  # fmt: skip
    addresses = tuple(switch.address for switch in switches)
    told = run(sqlite_url, call_id, esl_address=(*addresses, NOBODY)).output
    assert told.count("registered still") == 1
    assert told.splitlines()[0].endswith("; who is registered today is not known: 127.0.0.1 port 1: Connection refused")


def test_a_past_call_says_who_has_handled_it_and_when(firm: peewee.Database, sqlite_url: str) -> None:
    JournalStore(firm).write([opened(2), missed(2)])
    handle(firm, id_of(2), 1, "Anna Berg", 1_700_000_060_000)
    heading = run(sqlite_url, id_of(2)).output.splitlines()[0]
    assert heading.endswith("; handled by Anna Berg at 2023-11-14T22:14:20+00:00")
    told = json.loads(run(sqlite_url, id_of(2), "--json").output)
    mark = {"at": "2023-11-14T22:14:20+00:00", "by_name": "Anna Berg", "how": "by_hand"}
    assert [member["handled"] for member in told["members"]] == [mark, mark]
