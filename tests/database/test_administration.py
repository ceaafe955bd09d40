"""Changes by administrators: checked, whole or not at all, in the audit, and the same on every database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database, quoted
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.model.permissions import Level, Role, effective
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.admin import desk as desk_module
from esl_huntgroup.provisioning.admin import groups, levels, lines, members, prepared, reading, services, users
from esl_huntgroup.provisioning.admin.desk import Desk, perform
from esl_huntgroup.provisioning.admin.distribution import entries_of
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.store import read_owners
from tests.database.rows import DOMAIN, everything, insert, owners

ANNA, BERND, ZOE = "anna", "bernd", "zoë"
Done = Callable[..., list[Change]]


@pytest.fixture
def desk(database: peewee.Database) -> Desk:
    return Desk(database, DOMAIN)


@pytest.fixture
def do(desk: Desk) -> Done:
    """Return what does a change as the administrator ``root``."""

    def done(
        change: Callable[..., Iterable[Change]], *args: Any, is_dry_run: bool = False, **named: Any
    ) -> list[Change]:
        return perform(desk, "root", lambda at: change(at, *args, **named), is_dry_run=is_dry_run)

    return done


@pytest.fixture
def firm(do: Done) -> Done:
    """Three users with a line each, and the group Vertrieb with two of them."""
    for number, name in enumerate((ANNA, BERND, ZOE), start=101):
        do(users.add, name, f"Display {name}")
        do(lines.add, name, str(number))
    do(groups.add, "Vertrieb", {"number": "700", "hunt_mode": "softphone"})
    do(members.add, "Vertrieb", [ANNA, BERND])
    return do


def refused(desk: Desk, do: Done, *args: Any, **named: Any) -> str:
    before = everything(desk.db)
    with pytest.raises(InputError) as error:
        do(*args, **named)
    assert everything(desk.db) == before
    return str(error.value)


def test_a_group_in_full_and_the_audit_of_it(desk: Desk, firm: Done) -> None:
    firm(services.add, "fax", "Fax by mail")
    firm(services.grant, "fax", ["Vertrieb"], [ZOE])
    firm(prepared.add, "favourites", "Vertrieb", prepared.content(None, "Müller & <Söhne>", "+49 30 1"))
    firm(prepared.add, "favourites", "Vertrieb", prepared.content(ZOE, None, None), position=1)
    values = {"leader": ZOE, "leader_level": "personal", "deputy": ANNA, "member_level": "business", "is_active": False,
              "overflow": ["no_answer=transfer:9000", "all_busy=respond:486"]}  # fmt: skip
    (change,) = firm(groups.change, "Vertrieb", values)
    (shown,) = reading.groups(desk.db)
    assert shown == {
        "name": "Vertrieb", "is_active": False, "domain": DOMAIN, "number": "700", "hunt_mode": "softphone",
        "ring_timeout_s": 30, "ringback": "", "member_level": "business", "missed_shared": True,
        "lamp": False,
        "joinable": False, "wait_for_phones": False,
        "leader": ZOE, "leader_level": "personal", "deputy": ANNA, "deputy_level": "team",
        "members": [ANNA, BERND], "services": ["fax"],
        "overflow": {"all_busy": "respond:486", "no_answer": "transfer:9000 XML default"},
        "favourites": [ZOE, "Müller & <Söhne> <+49301>"], "monitor": [],
    }  # fmt: skip
    assert change.after == shown
    newest = audit.entries(desk.db)[0]
    assert (newest.who, newest.change) == ("root", change)


def test_what_is_not_named_stays(desk: Desk, firm: Done) -> None:
    firm(groups.change, "Vertrieb", {"leader": ZOE, "leader_level": "personal", "overflow": ["all_busy=dialplan"]})
    before = dict(reading.groups(desk.db)[0])
    assert firm(groups.change, "Vertrieb", {}) == []
    firm(groups.change, "Vertrieb", {"ring_timeout_s": "20"})
    assert reading.groups(desk.db) == [before | {"ring_timeout_s": 20}]
    firm(groups.change, "Vertrieb", {"leader": BERND})
    assert reading.groups(desk.db) == [before | {"ring_timeout_s": 20, "leader": BERND}]
    firm(groups.change, "Vertrieb", {"leader": None, "hunt_mode": "disabled", "number": None})
    (after,) = reading.groups(desk.db)
    assert (after["leader"], after["leader_level"], after["number"]) == (None, None, None)


def test_a_change_that_changes_nothing_is_not_in_the_audit(desk: Desk, firm: Done) -> None:
    count = len(audit.entries(desk.db))
    assert firm(users.change, ANNA, display_name=f"Display {ANNA}") == []
    assert len(audit.entries(desk.db)) == count


def test_a_dry_run_says_the_same_and_changes_nothing(desk: Desk, firm: Done) -> None:
    before = everything(desk.db)
    would = firm(users.remove, ANNA, is_dry_run=True)
    assert everything(desk.db) == before
    assert firm(users.remove, ANNA) == would


def test_who_leaves_takes_everything_along_and_frees_the_number(desk: Desk, firm: Done) -> None:
    firm(groups.change, "Vertrieb", {"leader": ANNA})
    firm(levels.grant, ANNA, ZOE, "team")
    firm(levels.grant, ZOE, ANNA, "personal")
    firm(prepared.add, "monitor", "Vertrieb", prepared.content(ANNA, None, None))
    firm(prepared.add, "monitor", "Vertrieb", prepared.content(BERND, None, None))
    said = [(change.action, change.kind, change.name) for change in firm(users.remove, ANNA)]
    assert said == [
        ("remove", "line", f"101@{DOMAIN}"),
        ("remove", "member", "Vertrieb/anna"),
        ("remove", "level", "anna/zoë"),
        ("remove", "level", "zoë/anna"),
        ("remove", "monitor", "Vertrieb"),
        ("set", "group", "Vertrieb"),
        ("remove", "user", ANNA),
    ]
    assert [(m["position"], m["user"]) for m in reading.members(desk.db)] == [(1, BERND)]
    assert [(c["position"], c["user"]) for c in reading.contents(desk.db, "monitor")] == [(1, BERND)]
    assert (DOMAIN, "101", "line") not in owners(desk.db)
    firm(lines.add, BERND, "101")


def test_a_group_that_goes_frees_its_number_and_the_audit_keeps_what_it_was(desk: Desk, firm: Done) -> None:
    (shown,) = reading.groups(desk.db)
    (change,) = firm(groups.remove, "Vertrieb")
    assert (change.before, change.after) == (shown, None)
    firm(lines.add, ANNA, "700")
    assert owners(desk.db) >= {(DOMAIN, "700", "line")}


def test_names_change_and_everything_stays_with_its_owner(desk: Desk, firm: Done) -> None:
    firm(users.change, ANNA, new_name="日本", display_name="太郎")
    firm(groups.change, "Vertrieb", {"name": "שירות"})
    firm(lines.change, "101", new_number="*101#", kind="hardphone", account="a")
    assert reading.users(desk.db, user="日本") == [
        {
            "name": "日本",
            "display_name": "太郎",
            "lines": [f"*101#@{DOMAIN}"],
            "groups": ["שירות"],
            "leads": [],
            "services": [],
        }
    ]
    assert [m["group"] for m in reading.members(desk.db, user="日本")] == ["שירות"]


def test_members_keep_an_order_without_gaps(desk: Desk, firm: Done) -> None:
    firm(members.add, "Vertrieb", [ZOE], position=1)
    assert reading.groups(desk.db)[0]["members"] == [ZOE, ANNA, BERND]
    firm(members.move, "Vertrieb", ZOE, 3)
    assert reading.groups(desk.db)[0]["members"] == [ANNA, BERND, ZOE]
    firm(members.remove, "Vertrieb", [ANNA])
    assert [(m["position"], m["user"]) for m in reading.members(desk.db)] == [(1, BERND), (2, ZOE)]


def test_prepared_lists_keep_an_order_without_gaps(desk: Desk, firm: Done) -> None:
    for name in (ANNA, BERND, ZOE):
        firm(prepared.add, "favourites", "Vertrieb", prepared.content(name, None, None))
    firm(prepared.move, "favourites", "Vertrieb", 3, 1)
    firm(prepared.replace, "favourites", "Vertrieb", 2, prepared.content(None, "Taxi", "110"))
    firm(prepared.remove, "favourites", "Vertrieb", 3)
    found = reading.contents(desk.db, "favourites")
    assert [(c["position"], c["user"], c["name"], c["number"]) for c in found] == [
        (1, ZOE, None, None),
        (2, None, "Taxi", "110"),
    ]


def test_favourites_reach_the_members_of_active_groups_in_order_with_who_distributed_them(
    desk: Desk, firm: Done
) -> None:
    firm(lines.add, ZOE, "203", kind="hardphone")
    firm(lines.add, ZOE, "303", account="zoe-mobile")
    firm(groups.add, "Aufsicht", {})
    firm(members.add, "Aufsicht", [ANNA])
    firm(users.add, "ohne")
    for name in (ZOE, ANNA):
        firm(prepared.add, "favourites", "Vertrieb", prepared.content(name, None, None))
    for name in ("ohne", ZOE):
        firm(prepared.add, "favourites", "Aufsicht", prepared.content(name, None, None))
    firm(prepared.add, "favourites", "Vertrieb", prepared.content(None, "Taxi", "+49301#"))
    taxi = ("Taxi", f"sip:+49301%23@{DOMAIN}", ("Vertrieb",))
    found = [(e.display_name, e.uri, e.groups) for e in entries_of(desk.db, "favourites", ANNA)]
    assert found == [
        ("ohne", None, ("Aufsicht",)),
        ("Display zoë", f"sip:103@{DOMAIN}", ("Aufsicht", "Vertrieb")),
        taxi,
    ]
    assert entries_of(desk.db, "monitor", ANNA) == []
    assert entries_of(desk.db, "favourites", ZOE) == []
    firm(groups.change, "Aufsicht", {"is_active": False})
    assert [e.groups for e in entries_of(desk.db, "favourites", ANNA)] == [("Vertrieb",), ("Vertrieb",)]


def test_what_is_monitored_is_what_registers(desk: Desk, firm: Done) -> None:
    firm(lines.change, "103", account="zoe-mobile")
    firm(prepared.add, "monitor", "Vertrieb", prepared.content(ZOE, None, None))
    assert [e.uri for e in entries_of(desk.db, "monitor", ANNA)] == [f"sip:zoe-mobile@{DOMAIN}"]


def test_services_add_up_and_an_inactive_group_gives_none(desk: Desk, firm: Done) -> None:
    for name in ("fax", "mailbox"):
        firm(services.add, name)
    firm(services.grant, "fax", ["Vertrieb"], [ANNA])
    firm(services.grant, "mailbox", ["Vertrieb"], [])
    both = [
        {"service": "fax", "own": True, "groups": ["Vertrieb"]},
        {"service": "mailbox", "own": False, "groups": ["Vertrieb"]},
    ]
    assert reading.services_of(desk.db, ANNA) == both
    firm(groups.change, "Vertrieb", {"is_active": False})
    assert reading.services_of(desk.db, ANNA) == [{"service": "fax", "own": True, "groups": []}]
    assert firm(services.grant, "fax", [], [ANNA]) == []
    firm(services.revoke, "fax", ["Vertrieb"], [ANNA])
    firm(services.remove, "mailbox")
    assert reading.services(desk.db) == [{"name": "fax", "description": "", "groups": [], "users": []}]


def test_why_one_has_a_level_on_another(desk: Desk, firm: Done) -> None:
    def level(user: str, on: str) -> tuple[Level, list[tuple[Role, str]]]:
        found = levels.why(desk.db, user, on)
        return effective(found), [(reason.role, reason.group) for reason in found]

    assert level(ZOE, ANNA) == (Level.BLOCKED, [])
    assert level(ANNA, ANNA) == (Level.PERSONAL, [(Role.SELF, "")])
    assert level(ANNA, BERND) == (Level.PUBLIC, [(Role.MEMBER, "Vertrieb")])
    firm(groups.change, "Vertrieb", {"leader": ZOE, "leader_level": "team", "deputy": ANNA, "deputy_level": "business"})
    assert level(ZOE, ANNA) == (Level.TEAM, [(Role.LEADER, "Vertrieb")])
    assert level(ANNA, ZOE) == (Level.BLOCKED, [])
    assert level(ANNA, BERND) == (Level.BUSINESS, [(Role.DEPUTY, "Vertrieb"), (Role.MEMBER, "Vertrieb")])
    firm(levels.grant, ANNA, ZOE, "personal")
    assert level(ZOE, ANNA) == (Level.PERSONAL, [(Role.GRANT, ""), (Role.LEADER, "Vertrieb")])
    firm(levels.grant, ANNA, ZOE, "blocked")
    assert level(ZOE, ANNA)[0] == Level.TEAM
    firm(groups.change, "Vertrieb", {"is_active": False})
    assert level(ZOE, ANNA) == (Level.BLOCKED, [(Role.GRANT, "")])
    firm(levels.remove, ANNA, ZOE)
    assert level(ZOE, ANNA) == (Level.BLOCKED, [])


TAKEN_LINE = "group 'Neu' cannot have the number 101, it is a line of user 'anna': a free number is accepted"
TAKEN_GROUP = "user 'bernd' cannot have the line 700, it is the number of group 'Vertrieb': a free number is accepted"


def test_a_number_that_is_taken_is_refused_with_its_owner(desk: Desk, firm: Done) -> None:
    assert refused(desk, firm, groups.add, "Neu", {"number": "101"}) == TAKEN_LINE
    assert refused(desk, firm, lines.add, BERND, "700") == TAKEN_GROUP
    assert refused(desk, firm, lines.change, "102", new_number="700") == TAKEN_GROUP
    firm(groups.add, "Neu", {"domain": "other.example", "number": "101"})
    assert refused(desk, firm, groups.change, "Neu", {"domain": DOMAIN}) == TAKEN_LINE
    firm(groups.change, "Vertrieb", {"number": "700"})


def test_the_loser_of_a_race_for_a_number_reads_the_same_sentence(url: str, desk: Desk, firm: Done) -> None:
    other, begun, sentences = open_database(url), threading.Event(), []

    def second() -> None:
        begun.set()
        try:
            perform(Desk(other, DOMAIN), "root", lambda at: lines.add(at, BERND, "800"))
        except InputError as error:
            sentences.append(str(error))
        finally:
            other.close()

    thread = threading.Thread(target=second)
    with desk.db.atomic():
        firm(lines.add, ANNA, "800")
        thread.start()
        assert begun.wait(10)
        thread.join(0.5)  # it waits for us now, in the database
    thread.join(20)
    assert sentences == [
        "user 'bernd' cannot have the line 800, it is a line of user 'anna': a free number is accepted"
    ]


def test_whatever_the_check_has_missed_the_database_refuses_with_the_same_sentence(
    desk: Desk, firm: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = read_owners, []

    def blind_at_first(db: peewee.Database, keys: Any) -> Any:
        asked.append(keys)
        return read(db, keys if len(asked) > 1 else ())

    monkeypatch.setattr(desk_module, "read_owners", blind_at_first)
    assert refused(desk, firm, lines.add, BERND, "700") == TAKEN_GROUP
    assert len(asked) == 2
    monkeypatch.setattr(desk_module, "read_owners", lambda db, _: read(db, ()))
    assert refused(desk, firm, lines.add, BERND, "700").startswith("the database refuses the change: ")


def test_a_change_that_breaks_off_leaves_neither_itself_nor_an_audit_row(desk: Desk, firm: Done) -> None:
    def breaks(at: Desk) -> Iterable[Change]:
        yield from users.add(at, "neu")
        yield from users.add(at, ANNA)

    assert refused(desk, firm, breaks) == "there is a user 'anna' already: a new name is accepted"


def test_a_database_that_fails_is_one_sentence(desk: Desk, firm: Done) -> None:
    execute(desk.db, "DROP TABLE audit")
    with pytest.raises(DatabaseError, match="has not been set up: run: esl-huntgroup db upgrade"):
        firm(users.add, "neu")
    assert reading.users(desk.db, user="neu") == []


def test_a_mode_that_is_not_offered_is_refused_and_one_that_is_stored_stays(desk: Desk, firm: Done) -> None:
    sentence = "hunt mode voice_services is not offered by this installation (setting hunt_modes): {} accepted"
    values = {"hunt_mode": "voice_services"}
    assert refused(desk, firm, groups.change, "Vertrieb", values) == sentence.format("disabled, softphone are")
    bare = Desk(desk.db, DOMAIN, ())
    with pytest.raises(InputError) as error:
        perform(bare, "root", lambda at: groups.change(at, "Vertrieb", values))
    assert str(error.value) == sentence.format("disabled is")
    more = Desk(desk.db, DOMAIN, ("softphone", "voice_services"))
    perform(more, "root", lambda at: groups.change(at, "Vertrieb", values))
    firm(groups.change, "Vertrieb", {"ring_timeout_s": "20"})
    assert reading.groups(desk.db)[0]["hunt_mode"] == "voice_services"


def test_what_another_client_left_between_positions_is_put_in_order(desk: Desk, firm: Done) -> None:
    (group_id,) = execute(desk.db, f"SELECT id FROM {quoted(desk.db, 'groups')}").fetchone()
    insert(desk.db, "members", group_id=group_id, position=9, user_id=desk.user_id(ZOE))
    firm(members.move, "Vertrieb", ZOE, 1)
    assert [(m["position"], m["user"]) for m in reading.members(desk.db)] == [(1, ZOE), (2, ANNA), (3, BERND)]


@pytest.mark.parametrize("removing", [False, True])
def test_of_two_changes_of_one_group_at_the_same_time_none_is_lost(
    url: str, desk: Desk, firm: Done, removing: bool
) -> None:
    other, begun, failures = open_database(url), threading.Event(), []

    def second() -> None:
        begun.set()
        try:
            if removing:
                perform(Desk(other, DOMAIN), "root", lambda at: users.remove(at, BERND))
            else:
                perform(Desk(other, DOMAIN), "root", lambda at: members.remove(at, "Vertrieb", [BERND]))
        except (InputError, DatabaseError) as error:
            failures.append(error)
        finally:
            other.close()

    thread = threading.Thread(target=second)
    with desk.db.atomic():
        firm(members.add, "Vertrieb", [ZOE])
        thread.start()
        assert begun.wait(10)
        thread.join(0.5)  # it waits for us now, in the database
    thread.join(20)
    assert failures == []
    assert [(m["position"], m["user"]) for m in reading.members(desk.db)] == [(1, ANNA), (2, ZOE)]
