"""The way from a number to a group, and the copy that calls are answered from when the database is not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import peewee
import pytest

from esl_huntgroup.calls import directory as directory_module
from esl_huntgroup.calls.directory import Directory, find_group
from esl_huntgroup.db.engine import open_database
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.model.group import HuntGroup, HuntMode, Line, Member, Overflow, OverflowAction, Taker
from esl_huntgroup.model.outcome import Outcome
from tests.database.rows import DOMAIN, group, insert, line, user


def sales(db: peewee.Database) -> None:
    """Three members out of the order of their ids: two softphones and a desk phone, none, one."""
    for user_id in (1, 2, 3):
        user(db, user_id)
    line(db, 1, "101")
    line(db, 1, "102", account="anna-mobile")
    line(db, 1, "201", kind="hardphone")
    line(db, 2, "202", kind="hardphone")
    line(db, 3, "103", domain="other.example")
    group(db, "700", id=7, name="Vertrieb", ring_timeout_s=25, ringback="tone_stream://%(1000,4000,425)")
    for position, user_id in enumerate((3, 1, 2), start=1):
        insert(db, "members", group_id=7, position=position, user_id=user_id)
    insert(db, "overflows", group_id=7, outcome="all_busy", action="respond", target="486")
    insert(db, "overflows", group_id=7, outcome="no_answer", action="transfer", target="9000 XML default")


SALES = HuntGroup(
    id=7,
    name="Vertrieb",
    domain=DOMAIN,
    number="700",
    hunt_mode=HuntMode.SOFTPHONE,
    ring_timeout_s=25,
    ringback="tone_stream://%(1000,4000,425)",
    members=(
        Member(3, "User 3", (Line("103", "other.example", "103"),)),
        Member(1, "User 1", (Line("101", DOMAIN, "101"), Line("102", DOMAIN, "anna-mobile"))),
        Member(2, "User 2", ()),
    ),
    overflows={
        Outcome.ALL_BUSY: Overflow(OverflowAction.RESPOND, "486"),
        Outcome.NO_ANSWER: Overflow(OverflowAction.TRANSFER, "9000 XML default"),
    },
)


def test_a_group_has_its_members_in_order_with_their_softphone_lines_only(database: peewee.Database) -> None:
    sales(database)
    assert find_group(database, DOMAIN, "700") == SALES


def test_a_group_without_members_and_overflows_is_found(database: peewee.Database) -> None:
    group(database, "701", id=8, name="Service")
    found = find_group(database, DOMAIN, "701")
    assert found == HuntGroup(8, "Service", DOMAIN, "701", HuntMode.SOFTPHONE, 30)


def test_a_group_that_is_switched_off_is_disabled_whatever_its_mode(database: peewee.Database) -> None:
    group(database, "701", id=8, name="Service", is_active=False)
    found = find_group(database, DOMAIN, "701")
    assert found == HuntGroup(8, "Service", DOMAIN, "701", HuntMode.DISABLED, 30, is_active=False)


@pytest.mark.parametrize(("domain", "number"), [(DOMAIN, "701"), ("other.example", "700"), (DOMAIN, "101")])
def test_a_number_that_is_no_group_number_finds_nothing(database: peewee.Database, domain: str, number: str) -> None:
    sales(database)
    assert find_group(database, domain, number) is None


@pytest.mark.parametrize("members", [1, 120])
def test_a_lookup_takes_two_queries_whatever_the_size(
    database: peewee.Database, queries: list[str], members: int
) -> None:
    group(database, "700", id=7)
    for user_id in range(1, members + 1):
        user(database, user_id)
        line(database, user_id, str(1000 + user_id))
        insert(database, "members", group_id=7, position=user_id, user_id=user_id)
    queries.clear()
    found = find_group(database, DOMAIN, "700")
    assert found is not None
    assert len(found.members) == members
    assert len(queries) == 2


def test_a_lookup_in_a_database_that_is_not_set_up_is_one_sentence(url: str) -> None:
    db = open_database(url)
    with pytest.raises(DatabaseError, match=r"has not been set up: run: esl-huntgroup db upgrade$"):
        find_group(db, DOMAIN, "700")
    db.close()


class Answers:
    """Stands in for the database: answers, fails or hangs as told, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Callable[[str], HuntGroup | None] = lambda number: HuntGroup(
            self.asked, number, DOMAIN, number, HuntMode.SOFTPHONE, 30
        )

    def query(self, _db: peewee.Database, _domain: str, number: str) -> HuntGroup | DatabaseError | None:
        self.asked += 1
        try:
            return self.answer(number)
        except DatabaseError as error:
            return error

    def fail(self, _number: str) -> HuntGroup | None:
        raise DatabaseError("gone")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(directory_module, "_query", answers.query)
    return answers


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cached(answers: Answers, clock: Clock, tmp_path: Path) -> Iterator[Directory]:
    directory = Directory(f"sqlite:///{tmp_path}/unused.db", max_age_s=1.0, deadline_s=0.2, clock=clock, copies_max=3)
    yield directory
    directory.close()


def test_a_young_copy_is_the_answer_and_an_old_one_is_not(cached: Directory, answers: Answers, clock: Clock) -> None:
    first = cached.find(DOMAIN, "700")
    clock.now += 0.9
    assert cached.find(DOMAIN, "700") is first
    clock.now += 0.2
    assert cached.find(DOMAIN, "700") != first
    assert answers.asked == 2


def test_a_group_that_is_gone_is_not_served_from_a_copy(cached: Directory, answers: Answers, clock: Clock) -> None:
    assert cached.find(DOMAIN, "700") is not None
    answers.answer = lambda number: None
    clock.now += 2
    assert cached.find(DOMAIN, "700") is None
    answers.answer = answers.fail
    with pytest.raises(DatabaseError, match="gone"):
        cached.find(DOMAIN, "700")


def test_calls_for_one_number_at_the_same_time_are_one_query(cached: Directory, answers: Answers) -> None:
    waiting = [gevent.spawn(cached.find, DOMAIN, "700") for _ in range(50)]
    gevent.joinall(waiting, timeout=5)
    assert {greenlet.value.number for greenlet in waiting} == {"700"}
    assert answers.asked == 1


def test_when_the_database_fails_the_last_copy_rings_and_an_outage_is_two_lines(
    cached: Directory, answers: Answers, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    copy = cached.find(DOMAIN, "700")
    working, answers.answer = answers.answer, answers.fail
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            clock.now += 3600
            assert cached.find(DOMAIN, "700") is copy
        answers.answer = working
        clock.now += 5
        assert cached.find(DOMAIN, "700") is copy  # and meanwhile the database is asked
        until(lambda: cached.find(DOMAIN, "700") is not copy)
    assert caplog.messages == [
        "groups are served from their last known copies: gone",
        "groups are read from the database again",
    ]


def test_during_an_outage_the_database_is_asked_once_in_a_while(
    cached: Directory, answers: Answers, clock: Clock
) -> None:
    cached.find(DOMAIN, "700")
    answers.answer = answers.fail
    clock.now += 2
    for asked in (2, 3, 4):
        for _ in range(10):
            cached.find(DOMAIN, "700")
            gevent.sleep(0)
        until(lambda asked=asked: answers.asked == asked)  # type: ignore[misc]  # mypy reads no default of a lambda
        clock.now += 2


def test_while_the_database_hangs_no_call_with_a_copy_waits_after_the_first(
    cached: Directory, answers: Answers, clock: Clock
) -> None:
    copies = {number: cached.find(DOMAIN, number) for number in ("700", "701", "702")}
    release = threading.Event()
    working = answers.answer

    def stuck(number: str) -> HuntGroup | None:
        release.wait(10)
        return working(number)

    answers.answer = stuck
    clock.now += 5
    assert cached.find(DOMAIN, "700") is copies["700"]  # this one waited
    for _ in range(20):
        clock.now += 5
        for number, copy in copies.items():
            with gevent.Timeout(0, AssertionError("it waits")):  # expires as soon as anything waits
                assert cached.find(DOMAIN, number) is copy
    release.set()
    until(lambda: cached.find(DOMAIN, "700") is not copies["700"])


def until(is_so: Callable[[], bool]) -> None:
    """Let the other greenlets work until it is so."""
    with gevent.Timeout(10, AssertionError("it never becomes so")):
        while not is_so():
            gevent.sleep(0.01)


def test_without_a_copy_a_failing_database_is_an_error(cached: Directory, answers: Answers) -> None:
    answers.answer = answers.fail
    with pytest.raises(DatabaseError, match="gone"):
        cached.find(DOMAIN, "700")


def test_the_deadline_holds_even_when_every_thread_is_stuck(cached: Directory, answers: Answers, clock: Clock) -> None:
    copy = cached.find(DOMAIN, "700")
    release = threading.Event()
    working = answers.answer

    def stuck(number: str) -> HuntGroup | None:
        release.wait(10)
        return working(number)

    answers.answer = stuck
    began = time.monotonic()
    for number in ("701", "702", "703"):
        with pytest.raises(DatabaseError, match=r"took longer than 0.2 s"):
            cached.find(DOMAIN, number)
    clock.now += 5
    assert cached.find(DOMAIN, "700") is copy
    assert time.monotonic() - began < 2
    release.set()
    gevent.sleep(0.1)
    found = cached.find(DOMAIN, "701")  # the late answer was kept
    assert found is not None
    assert found.number == "701"


def test_the_copies_are_bounded_and_the_least_used_goes_first(cached: Directory, answers: Answers) -> None:
    for number in ("700", "701", "702"):
        cached.find(DOMAIN, number)
    cached.find(DOMAIN, "700")
    cached.find(DOMAIN, "703")
    asked = answers.asked
    cached.find(DOMAIN, "700")
    assert answers.asked == asked
    cached.find(DOMAIN, "701")
    assert answers.asked == asked + 1


def test_the_directory_reads_the_real_database_from_its_threads(url: str, database: peewee.Database) -> None:
    sales(database)
    directory = Directory(url, deadline_s=10)
    assert directory.find(DOMAIN, "700") == SALES
    assert directory.find(DOMAIN, "999") is None
    directory.close()


# -- whose line it is -------------------------------------------------------------------------------------------------


@pytest.fixture
def real(url: str, database: peewee.Database) -> Iterator[Directory]:
    sales(database)
    directory = Directory(url, deadline_s=10)
    yield directory
    directory.close()


@pytest.mark.parametrize(
    ("address", "user_id"),
    [
        (f"101@{DOMAIN}", 1),
        (f"anna-mobile@{DOMAIN}", 1),  # the account, which is not the number of the line
        (f"202@{DOMAIN}", 2),  # a desk phone picks up as well
        ("103@other.example", 3),
    ],
)
def test_a_line_tells_its_user_by_the_name_for_people(real: Directory, address: str, user_id: int) -> None:
    assert real.user_at(address) == Taker(f"User {user_id}", user_id)


@pytest.mark.parametrize(
    "address",
    [f"102@{DOMAIN}", f"103@{DOMAIN}", "101@other.example", f"700@{DOMAIN}", "101", "@", "", "x' OR 1=1 --@y"],
)
def test_an_address_that_is_no_line_is_nobodys(real: Directory, address: str) -> None:
    assert real.user_at(address) is None


def test_one_who_is_in_no_group_is_known_as_well(real: Directory, database: peewee.Database) -> None:
    line(database, user(database, 4), "104")
    assert real.user_at(f"104@{DOMAIN}") == Taker("User 4", 4)


def test_a_database_that_fails_knows_nobody_and_raises_nothing(tmp_path: Path) -> None:
    directory = Directory(f"sqlite:///{tmp_path}/not_set_up.db", deadline_s=10)
    assert directory.user_at(f"101@{DOMAIN}") is None
    directory.close()


def test_who_has_a_line_is_asked_for_no_longer_than_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(directory_module, "_user_at", lambda _db, _address: release.wait(10))
    directory = Directory(f"sqlite:///{tmp_path}/unused.db", deadline_s=0.2)
    began = time.monotonic()
    assert [directory.user_at(f"101@{DOMAIN}") for _ in range(3)] == [None, None, None]
    assert time.monotonic() - began < 2
    release.set()
    directory.close()


# -- a call that is to be picked up -----------------------------------------------------------------------------------


@pytest.fixture
def greta(real: Directory, database: peewee.Database) -> Directory:
    """Greta has two lines, and grants user 5 a pickup on the first and user 6 on both; 7 leads a group of hers."""
    for user_id in (4, 5, 6, 7):
        user(database, user_id)
    line(database, 4, "110")
    line(database, 4, "111", account="greta-2")
    for other, level in ((5, "team"), (6, "personal")):
        insert(database, "user_levels", owner_user_id=4, other_user_id=other, level=level)
    group(database, "720", id=20, name="Zentrale", member_level="business")
    insert(database, "members", group_id=20, position=1, user_id=4)
    insert(database, "superiors", group_id=20, role="leader", user_id=7, level="team")
    return real


FIRST, SECOND = f"110@{DOMAIN}", f"greta-2@{DOMAIN}"


@pytest.mark.parametrize(
    ("user_id", "allowed"),
    [(4, {FIRST, SECOND}), (5, {FIRST}), (6, {FIRST, SECOND}), (7, {FIRST}), (1, set()), (99, set())],
)
def test_who_may_pick_up_at_which_line_says_the_level_on_its_user(
    greta: Directory, user_id: int, allowed: set[str]
) -> None:
    assert greta.may_pick_up(user_id, [FIRST, SECOND, f"999@{DOMAIN}", "x"]) == allowed


def test_a_number_tells_its_line(greta: Directory) -> None:
    assert greta.line_at(DOMAIN, "111") == SECOND
    assert (greta.line_at(DOMAIN, "720"), greta.line_at("other.example", "111"), greta.line_at("", "")) == ("", "", "")


def test_a_database_that_fails_knows_no_line_and_gives_no_right(tmp_path: Path) -> None:
    directory = Directory(f"sqlite:///{tmp_path}/not_set_up.db", deadline_s=10)
    assert (directory.line_at(DOMAIN, "111"), directory.may_pick_up(1, [FIRST])) == ("", frozenset())
    directory.close()
