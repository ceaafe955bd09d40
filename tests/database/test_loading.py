"""Files of administrators: whole or not at all, again without a change, and a sentence for every mistake."""

from __future__ import annotations

from pathlib import Path

import peewee
import pytest

from esl_huntgroup.calls.directory import find_group
from esl_huntgroup.db.engine import execute, open_database, quoted
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.model.group import HuntMode, Line, Overflow, OverflowAction
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.provisioning import load as load_module
from esl_huntgroup.provisioning import store
from esl_huntgroup.provisioning.load import Count, LoadReport, load_file
from tests.database.rows import DOMAIN

EXAMPLE = Path(__file__).parents[2] / "db" / "examples" / "small-firm.yaml"
TABLES = (
    *("users", "lines", "groups", "numbers", "members", "overflows", "services", "group_services"),
    *("user_services", "user_levels", "superiors", "prepared_contents", "audit"),
)


def load(db: peewee.Database, directory: Path, text: str, default_domain: str = DOMAIN) -> LoadReport:
    path = directory / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return load_file(db, path, default_domain=default_domain)


def everything(db: peewee.Database) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted((tuple(row) for row in execute(db, f"SELECT * FROM {quoted(db, table)}").fetchall()), key=repr)
        for table in TABLES
    }


def refusal(db: peewee.Database, directory: Path, text: str, default_domain: str = DOMAIN) -> list[str]:
    """Return the sentences, without the name of the file, and hold that nothing has changed."""
    before = everything(db)
    with pytest.raises(InputError) as refused:
        load(db, directory, text, default_domain)
    assert everything(db) == before
    return [line.removeprefix(f"{directory / 'f.yaml'}, ") for line in str(refused.value).splitlines()]


@pytest.fixture
def firm(database: peewee.Database) -> peewee.Database:
    load_file(database, EXAMPLE, default_domain=DOMAIN)
    return database


@pytest.fixture
def small_firm(sqlite: peewee.Database) -> peewee.Database:
    load_file(sqlite, EXAMPLE, default_domain=DOMAIN)
    return sqlite


def test_the_example_is_a_firm_whose_groups_ring(database: peewee.Database) -> None:
    report = load_file(database, EXAMPLE, default_domain=DOMAIN)
    assert report.sentences() == [
        "users: 5 added, 0 changed, 0 unchanged",
        "lines: 6 added, 0 changed, 0 unchanged",
        "groups: 2 added, 0 changed, 0 unchanged",
    ]
    sales = find_group(database, DOMAIN, "700")
    assert sales is not None
    assert (sales.name, sales.hunt_mode, sales.ring_timeout_s) == ("Vertrieb", HuntMode.SOFTPHONE, 30)
    assert [member.name for member in sales.members] == [
        *("Anna Berg", "Bernd Czerny", "Clara Demir", "Dora Engel", "Emil Fuchs")
    ]
    assert sales.members[4].lines == (Line("105", DOMAIN, "105"),)
    assert sales.overflows == {
        Outcome.NO_ANSWER: Overflow(OverflowAction.TRANSFER, "701 XML default"),
        Outcome.ALL_BUSY: Overflow(OverflowAction.RESPOND, "486"),
        Outcome.NOBODY_REGISTERED: Overflow(OverflowAction.DIALPLAN),
    }


def test_loading_the_same_file_again_changes_nothing(firm: peewee.Database, queries: list[str]) -> None:
    before = everything(firm)
    queries.clear()
    report = load_file(firm, EXAMPLE, default_domain=DOMAIN)
    assert report == LoadReport(Count(0, 0, 5), Count(0, 0, 6), Count(0, 0, 2))
    assert not [sql for sql in queries if sql.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert everything(firm) == before


def test_what_the_file_does_not_mention_stays(firm: peewee.Database, tmp_path: Path) -> None:
    report = load(
        firm,
        tmp_path,
        """
        users:
          - {name: anna, display_name: Anna Berg-Müller, lines: [{number: 106, account: anna-mobile}]}
          - name: zoe
        groups:
          - {name: Vertrieb, members: [emil, zoe], overflow: {all_busy: dialplan}}
        """,
    )
    assert report == LoadReport(Count(1, 1, 0), Count(1, 0, 0), Count(0, 1, 0))
    sales = find_group(firm, DOMAIN, "700")
    assert sales is not None
    assert (sales.hunt_mode, sales.ring_timeout_s) == (HuntMode.SOFTPHONE, 30)
    assert [member.name for member in sales.members] == ["Emil Fuchs", "zoe"]
    assert sales.overflow_after(Outcome.ALL_BUSY) == Overflow(OverflowAction.DIALPLAN)
    assert sales.overflow_after(Outcome.NO_ANSWER).target == "701 XML default"
    lines = execute(firm, f"SELECT number, account FROM {quoted(firm, 'lines')} ORDER BY number").fetchall()
    assert [tuple(row) for row in lines][:1] == [("101", "101")]
    assert ("106", "anna-mobile") in [tuple(row) for row in lines]


def test_group_numbers_can_change_hands_within_a_file(firm: peewee.Database, tmp_path: Path) -> None:
    turned = "{name: Vertrieb, number: 701, overflow: {no_answer: {transfer: 700}}}"
    load(firm, tmp_path, f"groups: [{turned}, {{name: Service, number: 700}}]")
    service = find_group(firm, DOMAIN, "700")
    assert service is not None
    assert (service.name, service.hunt_mode) == ("Service", HuntMode.SOFTPHONE)


def test_a_group_does_not_take_over_the_number_that_it_overflows_to(firm: peewee.Database, tmp_path: Path) -> None:
    assert refusal(firm, tmp_path, "groups:\n- {name: Vertrieb, number: 701}\n- {name: Service, number: 700}") == [
        "line 2: the overflow no_answer of group 'Vertrieb' cannot be its own number 701: another extension is accepted"
    ]


def test_a_line_keeps_its_kind_and_account_unless_the_file_says_otherwise(
    firm: peewee.Database, tmp_path: Path
) -> None:
    load(firm, tmp_path, "users: [{name: emil, lines: [205, {number: 105, account: emil-pc}]}]")
    rows = execute(firm, f"SELECT number, kind, account FROM {quoted(firm, 'lines')} WHERE number > '104'").fetchall()
    assert {tuple(row) for row in rows} == {("205", "hardphone", "205"), ("105", "softphone", "emil-pc")}


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "groups: [{name: Neu, number: 101}]",
            ["line 1: group 'Neu' cannot have the number 101, it is a line of user 'anna': a free number is accepted"],
        ),
        (
            "groups:\n- {name: Neu, number: 700}",
            ["line 2: group 'Neu' cannot have the number 700, it is the number of group 'Vertrieb': "
             "a free number is accepted"],
        ),
        (
            "users: [{name: anna, lines: [700]}]",
            ["line 1: line 700 cannot be of user 'anna', it is the number of group 'Vertrieb': "
             "a free number is accepted"],
        ),
        (
            "users:\n- name: anna\n  lines:\n  - 301\n  - 700\n- {name: zoe, lines: [{number: 302, kind: fax}]}\n"
            "groups:\n- {name: Vertrieb, members: [anna, nobody, 'x y'], ring_timeout_s: 4}\n- {name: A}\n- {name: A}",
            ["line 5: line 700 cannot be of user 'anna', it is the number of group 'Vertrieb': "
             "a free number is accepted",
             "line 6: user 'zoe', lines, kind: 'fax' is not a kind of line: softphone, hardphone are accepted",
             "line 8: group 'Vertrieb' has the unknown user 'nobody': users of this file and of the database "
             "are accepted",
             "line 8: group 'Vertrieb', members: 'x y' is not the name of a user: one word of letters, digits and '.', "
             "'_', '-', '+', '@' is accepted, at most 64 characters",
             "line 8: group 'Vertrieb', ring_timeout_s: '4' is not a ring limit: whole seconds from 5 to 300 "
             "are accepted",
             "line 9: group 'A' is in the file twice: each is accepted once"],
        ),
        (
            "groups: [{name: Neu, hunt_mode: softphone, number: 7OO}]",
            ["line 1: group 'Neu', number: '7OO' is not a number: digits, '*', '#' and a leading '+' are "
             "accepted, at most 32 characters"],
        ),
        (
            "groups: [{name: Neu, leader: {user: anna, level: team}, deputy: {user: anna, level: public}}]",
            ["line 1: the leader of group 'Neu' cannot be its deputy too: another user is accepted"],
        ),
        (
            "users: [{name: zoe, lines: ['101']}]",
            ["line 1: line 101 cannot be of user 'zoe', it is of user 'anna': a free number is accepted"],
        ),
        (
            "users: [{name: anna, lines: [{number: '101', remove: true}, '101']}]",
            ["line 1: line 101 of user 'anna' is both removed and kept: one is accepted"],
        ),
        (
            "users:\n- {name: zoe, lines: [301]}\n- {name: yves, lines: [301]}",
            ["line 3: line 301 is in the file twice, of user 'zoe' and of user 'yves': one is accepted"],
        ),
        (
            "users:\n- {name: zoe, lines: [301]}\ngroups:\n- {name: A, number: 301}\n- {name: B, number: 302}\n"
            "- {name: C, number: 302}",
            ["line 4: group 'A' cannot have the number 301, it is a line of user 'zoe': a free number is accepted",
             "line 6: group 'C' cannot have the number 302, it is the number of group 'B': a free number is accepted"],
        ),
        (
            "groups:\n- name: Vertrieb\n  members:\n  - anna\n  - bernd\n  - anna",
            ["line 6: group 'Vertrieb' has member 'anna' twice: each member is accepted once"],
        ),
        (
            "groups: [{name: Vertrieb, members: [zoe]}]",
            ["line 1: group 'Vertrieb' has the unknown user 'zoe': users of this file and of the database "
             "are accepted"],
        ),
        (
            "groups: [{name: Vertrieb, number: 7OO}]",
            ["line 1: group 'Vertrieb', number: '7OO' is not a number: digits, '*', '#' and a leading '+' are "
             "accepted, at most 32 characters"],
        ),
        (
            "groups: [{name: Vertrieb, hunt_mode: sequential}]",
            ["line 1: group 'Vertrieb', hunt_mode: 'sequential' is not a hunt mode: "
             "disabled and those of the setting hunt_modes are accepted"],
        ),
        (
            "groups: [{name: Neu, hunt_mode: softphone}]",
            ["line 1: group 'Neu' has hunt mode softphone and no group number: give 'number' too"],
        ),
        (
            "users: [{name: zoe}, {name: zoe}]\ngroups: [{name: N}, {name: N}]",
            ["line 1: user 'zoe' is in the file twice: each is accepted once",
             "line 2: group 'N' is in the file twice: each is accepted once"],
        ),
        (
            "users: [{name: zoe, telephone: 1}]\nteams: []",
            ["line 1: user 'zoe', telephone: there is no such key: name, display_name, lines, services, levels, remove "
             "are accepted",
             "line 2: teams: there is no such key: services, users, groups are accepted"],
        ),
        (
            "users: [{display_name: Zoe}]",
            ["line 1: user 1, name: the key is missing"],
        ),
        (
            "users: anna",
            ["line 1: users: a list is accepted here"],
        ),
        (
            "users: [anna, [x]]",
            ["line 1: user 'anna': a mapping with the keys name, display_name, lines, services, levels, remove is "
             "accepted here",
             "line 1: user 2: a mapping with the keys name, display_name, lines, services, levels, remove is "
             "accepted here"],
        ),
        (
            "- anna",
            ["line 1: a mapping with the keys services, users, groups is accepted here"],
        ),
        (
            "groups:\n- name: Vertrieb\n  overflow:\n    no_answer: {transfer: '9; hangup'}\n"
            "    all_busy: {respond: 200}\n    answered: dialplan\n    nobody_registered: voicemail",
            ["line 4: group 'Vertrieb', overflow, no_answer: '9; hangup' is not a transfer target: 'EXTENSION' or "
             "'EXTENSION XML CONTEXT' is accepted",
             "line 5: group 'Vertrieb', overflow, all_busy: '200' is not a SIP status to refuse a call with: "
             "400 to 699 is accepted",
             "line 6: group 'Vertrieb', overflow, answered: 'answered' is not an outcome with an overflow: all_busy, "
             "group_disabled, no_answer, nobody_registered, service_fault are accepted",
             "line 7: group 'Vertrieb', overflow, nobody_registered: 'voicemail' is not an overflow: 'dialplan', "
             "'transfer: EXTENSION' or 'respond: STATUS' is accepted"],
        ),
        (
            "groups: [{name: Vertrieb, ring_timeout_s: 4, ringback: 'a b', domain: a_b!}]",
            ["line 1: group 'Vertrieb', domain: 'a_b!' is not a domain: a host name, an IPv4 address or an IPv6 "
             "address in brackets is accepted",
             "line 1: group 'Vertrieb', ring_timeout_s: '4' is not a ring limit: whole seconds from 5 to 300 are "
             "accepted",
             "line 1: group 'Vertrieb', ringback: 'a b' is not a ringback: a tone such as '%(1000,4000,425)' "
             "(milliseconds on, off, frequencies), the name of one such as 'us-ring', a file such as "
             "'/sounds/ring.wav', 'local_stream://NAME', an address of https, http, http_cache or shout, 'silence' and "
             "'none' are accepted, at most 255 characters without blanks"],
        ),
        (
            "users: [{name: anna, lines: [{number: 301, kind: fax}, {number: 302, account: a b}, {}, '']}]",
            ["line 1: user 'anna', lines, account: 'a b' is not a SIP account: letters a-z, digits and '_', '.', '+', "
             "'*', '#', '-' are accepted, at most 64 characters",
             "line 1: user 'anna', lines, kind: 'fax' is not a kind of line: softphone, hardphone are accepted",
             "line 1: user 'anna', lines, number: '' is not a number: digits, '*', '#' and a leading '+' are accepted, "
             "at most 32 characters",
             "line 1: user 'anna', lines, number: the key is missing"],
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_and_nothing_is_changed(
    small_firm: peewee.Database, tmp_path: Path, text: str, sentences: list[str]
) -> None:
    good = "" if text.startswith(("users", "-")) else "users: [{name: new, lines: [999]}]\n"
    shifted = [f"line {int(s.split(':')[0][5:]) + (1 if good else 0)}:{s.split(':', 1)[1]}" for s in sentences]
    assert refusal(small_firm, tmp_path, good + text) == shifted


def test_without_a_default_domain_the_file_has_to_name_it(sqlite: peewee.Database, tmp_path: Path) -> None:
    text = "users: [{name: zoe, lines: [301]}]\ngroups: [{name: Neu, number: 700}]"
    assert refusal(sqlite, tmp_path, text, default_domain="") == [
        "line 1: line 301 of user 'zoe' has no domain: give 'domain' here or set default_domain",
        "line 2: group 'Neu' has no domain: give 'domain' here or set default_domain",
    ]
    load(sqlite, tmp_path, "groups: [{name: Neu, number: 700, domain: PBX.example}]", default_domain="")
    assert find_group(sqlite, "pbx.example", "700") is not None


def test_a_thousand_mistakes_are_a_hundred_lines_and_a_count(sqlite: peewee.Database, tmp_path: Path) -> None:
    text = "users:\n" + "".join(f"- {{name: u{number}, lines: [x]}}\n" for number in range(1000))
    sentences = refusal(sqlite, tmp_path, text)
    assert len(sentences) == 101
    assert sentences[-1].endswith("f.yaml: and 900 more")


def test_when_somebody_else_was_faster_the_database_refuses_with_the_same_sentence(
    firm: peewee.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = store.read_inventory
    stale = read(firm)
    del stale.lines[DOMAIN, "101"]
    answers = iter([stale])
    monkeypatch.setattr(load_module, "read_inventory", lambda db: next(answers, None) or read(db))
    assert refusal(firm, tmp_path, "users: [{name: zoe}]\ngroups: [{name: Neu, number: 101}]") == [
        "line 2: group 'Neu' cannot have the number 101, it is a line of user 'anna': a free number is accepted"
    ]


def test_what_only_the_database_knows_is_refused_by_the_database(
    small_firm: peewee.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(small_firm, "CREATE TRIGGER no_zoe BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no zoe'); END")
    assert refusal(small_firm, tmp_path, "users: [{name: zoe}]") == [
        f"{tmp_path / 'f.yaml'}: the database refuses what the file says: no zoe"
    ]


def test_a_database_that_is_not_set_up_is_said_so(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(DatabaseError, match="has not been set up: run: esl-huntgroup db upgrade"):
        load(db, tmp_path, "users: []")
    db.close()


def firm_of(users: int, groups: int) -> str:
    lines = ["users:"]
    lines += [f"- {{name: u{n}, display_name: User {n}, lines: [{{number: {100000 + n}}}]}}" for n in range(users)]
    lines.append("groups:")
    for number in range(groups):
        members = ", ".join(f"u{(number * 7 + position) % users}" for position in range(10))
        lines.append(f"- {{name: g{number}, number: {900000 + number}, hunt_mode: softphone, members: [{members}]}}")
    return "\n".join(lines)


def test_twenty_thousand_users_are_read_with_as_many_queries_as_two(
    sqlite: peewee.Database, tmp_path: Path, queries: list[str]
) -> None:
    report = load(sqlite, tmp_path, firm_of(20_000, 2_000))
    assert report == LoadReport(Count(20_000, 0, 0), Count(20_000, 0, 0), Count(2_000, 0, 0))
    inserts = [sql for sql in queries if sql.startswith("INSERT")]
    rows, changes, tables = 62_000, 62_001, 5
    assert len(inserts) < (rows + changes) / 128 + tables * 8
    assert len(queries) - len(inserts) < 20
    queries.clear()
    load(sqlite, tmp_path, firm_of(20_000, 2_000))
    assert len(queries) < 15
