"""Imports: the difference first, bad rows with their place, nothing half-imported, and again without a change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli import tree
from esl_huntgroup.cli.imports import import_group
from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.model import StoredGroup, StoredLine, StoredUser
from esl_huntgroup.provisioning.store import read_inventory
from tests.database.conftest import NewDatabase
from tests.database.rows import DOMAIN
from tests.database.test_loading import everything


def run(url: str, *arguments: str, answer: str = "", default_domain: str = DOMAIN) -> Result:
    settings = SimpleNamespace(database=url, default_domain=default_domain, hunt_modes=("softphone",))
    return CliRunner().invoke(import_group, arguments, obj=settings, input=answer)


def refusal(db: peewee.Database, url: str, *arguments: str, default_domain: str = DOMAIN) -> list[str]:
    before = everything(db)
    refused = run(url, *arguments, default_domain=default_domain).exception
    assert isinstance(refused, InputError)
    assert everything(db) == before
    return str(refused).splitlines()


# -- tables -----------------------------------------------------------------------------------------------------------

STAFF = """user;display_name;number;kind;account;group;group_number
anna;Anna Bärg;101;;;Vertrieb Süd;700
ben;"Ben; Wolf";102;softphone;ben-pc;Vertrieb Süd;
ben;;202;hardphone;;Einkauf;

carla;Çarla;;;;;
"""


@pytest.mark.parametrize(
    "data",
    [
        STAFF.encode(),
        STAFF.encode("utf-8-sig"),
        STAFF.encode("cp1252"),
        STAFF.replace("\n", "\r\n").encode("cp1252"),
        STAFF.replace(";", "\t").replace("Ben\t", "Ben;").encode("utf-16"),
        STAFF.replace("Ben;", "Ben,").replace(";", ",").replace("Ben,", "Ben;", 1).encode(),
    ],
    ids=["utf-8", "bom", "cp1252", "excel", "utf-16 tabs", "commas"],
)
def test_a_table_is_read_however_it_was_saved(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, data: bytes
) -> None:
    file = tmp_path / "staff.csv"
    file.write_bytes(data)
    assert run(sqlite_url, "csv", str(file), "--yes").exit_code == 0
    found = read_inventory(sqlite)
    assert {name: user.display_name for name, user in found.users.items()} == {
        "anna": "Anna Bärg",
        "ben": "Ben; Wolf",
        "carla": "Çarla",
    }
    assert found.lines == {
        (DOMAIN, "101"): StoredLine("anna", "softphone", "101"),
        (DOMAIN, "102"): StoredLine("ben", "softphone", "ben-pc"),
        (DOMAIN, "202"): StoredLine("ben", "hardphone", "202"),
    }
    assert found.groups == {
        "Vertrieb Süd": StoredGroup(DOMAIN, "700", hunt_mode="softphone", members=("anna", "ben")),
        "Einkauf": StoredGroup(DOMAIN, members=("ben",)),
    }


def test_the_difference_comes_first_and_no_is_no(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("user,number\nanna,101\n")
    before = everything(sqlite)
    alone = run(sqlite_url, "csv", str(file))
    monkeypatch.setattr(tree, "can_answer", lambda: True)
    refused = run(sqlite_url, "csv", str(file), answer="n\n")
    for result in (alone, refused):
        assert result.stdout.splitlines() == [
            "would add user anna: display_name anna",
            "would add line 101@example.org: user anna; kind softphone; account 101",
        ]
    assert str(alone.exception) == "nobody is there to ask: --yes is accepted; nothing changed"
    assert str(refused.exception) == "nothing changed"
    assert run(sqlite_url, "csv", str(file), "--dry-run").output.splitlines()[-1] == "2 changes; nothing is changed yet"
    assert everything(sqlite) == before
    assert run(sqlite_url, "csv", str(file), "--as", "night shift", answer="y\n").exit_code == 0
    assert {entry.who for entry in audit.entries(sqlite)} == {"night shift"}
    assert run(sqlite_url, "csv", str(file)).output == "nothing would change\n"


@pytest.mark.parametrize(
    ("data", "sentences"),
    [
        (b"user;telephone\nanna;1", ["{f}, line 1: there is no column 'telephone': user, display_name, number, domain, "
                                     "kind, account, group, group_number are accepted"]),
        (b"display_name\nAnna", ["{f}, line 1: the column user is missing: user, display_name, number, domain, kind, "
                                 "account, group, group_number are accepted"]),
        (b"user;user\nanna;anna", ["{f}, line 1: a column stands there twice: each is accepted once"]),
        (b"\n\n", ["{f} is empty: a header with user, display_name, number, domain, kind, account, group, group_number "
                   "is accepted, user or group at least"]),
        (b'user\n"anna', ["{f}, line 2: this is not CSV (unexpected end of data): see db/README.md"]),
        (b"user\n\x81", ["{f}, line 2: byte 0x81 is neither UTF-8 nor cp1252: one of them is accepted"]),
        (b"user;number\nanna;101;5\n;102\nben;103", [
            "{f}, line 2: the row has 3 cells, the header has 2: as many are accepted",
            "{f}, line 3: the column user is empty: the name of a user is accepted, or a group alone"]),
        (b"user;display_name;kind;group_number\nanna;A;softphone;\nanna;B;;7", [
            "{f}, line 2: user 'anna' has a kind or an account without a number: the number of the line is missing",
            "{f}, line 3: user 'anna' has the display_name 'B' here and 'A' at {f}, line 2: one is accepted",
            "{f}, line 3: group_number '7' stands there without a group: its name is missing"]),
        (b"user;group;group_number\nanna;N;7\nben;N;8", [
            "{f}, line 3: group 'N' has the number '8' here and '7' at {f}, line 2: one is accepted"]),
        (b"user;number\nanna;101\nben;x", [
            "{f}, line 3: user 'ben', lines, number: 'x' is not a number: digits, '*', '#' and a leading '+' are "
            "accepted, at most 32 characters"]),
        (b"user;number\nanna;101\nben;101", [
            "{f}, line 3: line 101 is in the file twice, of user 'anna' and of user 'ben': one is accepted"]),
        (b"user;number;group;group_number\nanna;101;N;101", [
            "{f}, line 2: group 'N' cannot have the number 101, it is a line of user 'anna': a free number "
            "is accepted"]),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_with_the_line(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, data: bytes, sentences: list[str]
) -> None:
    file = tmp_path / "staff.csv"
    file.write_bytes(data)
    assert refusal(sqlite, sqlite_url, "csv", str(file), "--yes") == [it.format(f=file) for it in sentences]


def test_a_table_that_is_not_there_and_one_with_very_many_mistakes(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "staff.csv"
    assert refusal(sqlite, sqlite_url, "csv", str(file)) == [f"{file} cannot be read: No such file or directory"]
    file.write_text("user;number\n" + ";1\n" * 300)
    sentences = refusal(sqlite, sqlite_url, "csv", str(file))
    assert (len(sentences), sentences[-1]) == (101, f"{file}: and 200 more")


def test_what_cannot_be_imported_can_be_left_out(sqlite: peewee.Database, sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("user;number\n;102\nben;103\n")
    result = run(sqlite_url, "csv", str(file), "--skip", "--yes")
    assert result.stderr == (
        f"left out: {file}, line 2: the column user is empty: the name of a user is accepted, or a group alone\n"
    )
    assert list(read_inventory(sqlite).users) == ["ben"]


# -- FreeSWITCH's directory -------------------------------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Write a directory in FreeSWITCH's own manner: a file for the domain that includes one for each user."""
    folder = tmp_path / "directory"
    (folder / "default").mkdir(parents=True)
    (folder / "default.xml").write_text(
        """<include>
  <domain name="$${domain}">
    <groups>
      <group name="default">
        <users>
          <X-PRE-PROCESS cmd="include" data="default/*.xml"/>
        </users>
      </group>
      <group name="Süd">
        <users>
          <user id="1001" type="pointer"/>
          <user id="anna" type="pointer"/>
        </users>
      </group>
    </groups>
  </domain>
</include>
""",
        encoding="utf-8",
    )
    user = '<include>\n  <user id="{}"{}>\n    <variables>\n{}    </variables>\n  </user>\n</include>\n'
    shown = '      <variable name="effective_caller_id_name" value="{}"/>\n'
    (folder / "default" / "1001.xml").write_text(user.format("1001", "", shown.format("Müller &amp; Söhne")), "utf-8")
    (folder / "default" / "anna.xml").write_text(user.format("anna", ' number-alias="101"', ""))
    return folder


def test_the_directory_becomes_users_lines_and_groups(
    sqlite: peewee.Database, sqlite_url: str, directory: Path
) -> None:
    assert run(sqlite_url, "directory-xml", str(directory), "--yes").exit_code == 0
    found = read_inventory(sqlite)
    assert found.users == {"1001": StoredUser("Müller & Söhne"), "anna": StoredUser("anna")}
    assert found.lines == {
        (DOMAIN, "1001"): StoredLine("1001", "softphone", "1001"),
        (DOMAIN, "101"): StoredLine("anna", "softphone", "anna"),
    }
    assert {name: group.members for name, group in found.groups.items()} == {
        "default": ("1001", "anna"),
        "Süd": ("1001", "anna"),
    }
    assert run(sqlite_url, "directory-xml", str(directory / "default.xml")).output == "nothing would change\n"


def test_a_user_who_is_known_by_number_keeps_the_name(
    sqlite: peewee.Database, sqlite_url: str, directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("user;number;account\nmueller;1001;1001\n")
    run(sqlite_url, "csv", str(file), "--yes")
    run(sqlite_url, "directory-xml", str(directory), "--yes")
    assert set(read_inventory(sqlite).users) == {"mueller", "anna"}
    assert read_inventory(sqlite).groups["Süd"].members == ("mueller", "anna")


def test_what_of_a_directory_cannot_be_imported_has_its_file_and_line(
    sqlite: peewee.Database, sqlite_url: str, directory: Path
) -> None:
    bad = directory / "default" / "bad.xml"
    bad.write_text('<include>\n  <user id="lobby"/>\n</include>\n')
    main = directory / "default.xml"
    main.write_text(main.read_text("utf-8").replace('id="anna"', 'id="zoe"'), "utf-8")
    sentences = [
        f"{bad}, line 2: user 'lobby' has no number: digits as id or number-alias are accepted",
        f"{main}, line 12: group 'Süd' points to the unknown user 'zoe': a user is accepted",
    ]
    assert refusal(sqlite, sqlite_url, "directory-xml", str(directory), "--yes") == sentences
    assert run(sqlite_url, "directory-xml", str(directory), "--yes", "--skip").exit_code == 0
    assert read_inventory(sqlite).groups["Süd"].members == ("1001",)


@pytest.mark.parametrize("line", ['<include><user id="1"/></include>', '<?xml version="1.0"?><user id="1"/>'])
def test_a_directory_of_one_line_without_a_last_line_break_is_refused_in_a_sentence(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, line: str
) -> None:
    file = tmp_path / "directory.xml"
    file.write_text(line)
    (sentence,) = refusal(sqlite, sqlite_url, "directory-xml", str(file))
    assert sentence.startswith(f"{file}: FreeSWITCH leaves out every line with <include>")


@pytest.mark.parametrize("begins", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_workbook_is_told_apart_from_a_table(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path, begins: bytes
) -> None:
    file = tmp_path / "staff.xlsx"
    file.write_bytes(begins + bytes(100))
    assert refusal(sqlite, sqlite_url, "csv", str(file)) == [
        f"{file} is a workbook, no CSV: save it as CSV (Excel: Save as, CSV UTF-8) and import that"
    ]


def test_a_directory_without_domain_or_users_is_refused(
    sqlite: peewee.Database, sqlite_url: str, directory: Path, tmp_path: Path
) -> None:
    (sentence,) = refusal(sqlite, sqlite_url, "directory-xml", str(directory), default_domain="")
    assert sentence == (
        f"{directory / 'default.xml'}, line 2: '$${{domain}}' is not a domain: a host name, an IPv4 address or an IPv6 "
        "address in brackets is accepted"
    )
    empty = tmp_path / "empty.xml"
    empty.write_text("<include/>")
    assert refusal(sqlite, sqlite_url, "directory-xml", str(empty)) == [
        f"{empty} holds no users: a directory with <domain> and <user> is accepted"
    ]


def test_two_domains_with_the_same_names_stay_apart(sqlite: peewee.Database, sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "two.xml"
    domain = '<domain name="{}"><group name="all"><user id="1"/></group></domain>\n'
    file.write_text(domain.format("a.example") + domain.format("b.example"))
    run(sqlite_url, "directory-xml", str(file), "--yes")
    found = read_inventory(sqlite)
    assert set(found.users) == {"1@a.example", "1@b.example"}
    assert {name: group.members for name, group in found.groups.items()} == {
        "all": ("1@a.example",),
        "all (b.example)": ("1@b.example",),
    }


# -- FusionPBX --------------------------------------------------------------------------------------------------------

FUSIONPBX = """
CREATE TABLE v_domains (domain_uuid uuid, domain_name text, domain_enabled text);
CREATE TABLE v_extensions (extension_uuid uuid, domain_uuid uuid, extension text, number_alias text, password text,
    directory_first_name text, directory_last_name text, effective_caller_id_name text, enabled {flag});
CREATE TABLE v_ring_groups (ring_group_uuid uuid, domain_uuid uuid, ring_group_name text, ring_group_extension text,
    ring_group_strategy text, ring_group_call_timeout numeric, ring_group_timeout_app text,
    ring_group_timeout_data text, ring_group_enabled {flag});
CREATE TABLE v_ring_group_destinations (ring_group_uuid uuid, domain_uuid uuid, destination_number text,
    destination_delay numeric{more});
INSERT INTO v_domains VALUES ({d}, 'PBX.example', 'true');
INSERT INTO v_extensions VALUES
    ({d}, {d}, '101', '', 'geheim', 'Anna', 'Bärg', '', 'true'),
    ({d}, {d}, '102', '202', 'geheim', '', '', 'Ben', 'true'),
    ({d}, {d}, '103', '', 'geheim', '', '', 'Off', 'false');
INSERT INTO v_ring_groups VALUES
    ({g}, {d}, 'Vertrieb Süd', '700', 'simultaneous', 20, 'transfer', '*99101 XML pbx.example', 'true'),
    ({h}, {d}, 'Einkauf', '701', 'enterprise', 30, 'hangup', '', 'false');
INSERT INTO v_ring_group_destinations (ring_group_uuid, domain_uuid, destination_number, destination_delay) VALUES
    ({g}, {d}, '102', 5), ({g}, {d}, '101', 0), ({h}, {d}, '202', 0)
"""
WORDS = {name: f"'00000000-0000-0000-0000-00000000000{number}'" for number, name in enumerate("dgh")}


@pytest.fixture(params=["of today", "of yesterday"])
def fusionpbx(request: pytest.FixtureRequest, new_postgresql: NewDatabase) -> Iterator[str]:
    """Give the URL of a FusionPBX: flags are booleans today, and were text."""
    kinds = {"of today": ("boolean", ", destination_enabled boolean"), "of yesterday": ("text", "")}
    flag, more = kinds[request.param]
    with new_postgresql() as url:
        db = open_database(url)
        for snapshot in FUSIONPBX.format(flag=flag, more=more, **WORDS).split(";\n"):
            execute(db, snapshot)
        db.close()
        yield url


def test_ring_groups_of_fusionpbx_ring_here(sqlite: peewee.Database, sqlite_url: str, fusionpbx: str) -> None:
    shown = run(sqlite_url, "fusionpbx", fusionpbx, "--dry-run").output
    assert "geheim" not in shown
    assert run(sqlite_url, "fusionpbx", fusionpbx, "--yes").exit_code == 0
    found = read_inventory(sqlite)
    assert found.users == {"101": StoredUser("Anna Bärg"), "102": StoredUser("Ben")}
    assert found.lines == {
        ("pbx.example", "101"): StoredLine("101", "softphone", "101"),
        ("pbx.example", "202"): StoredLine("102", "softphone", "102"),
    }
    sales, purchase = found.groups["Vertrieb Süd"], found.groups["Einkauf"]
    assert (sales.number, sales.domain, sales.ring_timeout_s) == ("700", "pbx.example", 20)
    assert sales.members == ("101", "102")
    assert {where.target for where in sales.overflows.values()} == {"*99101 XML pbx.example"}
    assert (sales.is_active, purchase.is_active, purchase.members) == (True, False, ("102",))
    assert run(sqlite_url, "fusionpbx", fusionpbx).stdout == "nothing would change\n"


def test_a_delay_of_fusionpbx_is_listed_as_left_out_and_its_member_comes_all_the_same(
    sqlite: peewee.Database, sqlite_url: str, fusionpbx: str
) -> None:
    listed = (
        "left out: v_ring_group_destinations, group Vertrieb Süd of pbx.example: group 'Vertrieb Süd' rings '102' "
        "5 seconds later there, and at once here\n"
    )
    assert run(sqlite_url, "fusionpbx", fusionpbx, "--dry-run").stderr == listed
    assert run(sqlite_url, "fusionpbx", fusionpbx, "--yes").stderr == listed
    assert read_inventory(sqlite).groups["Vertrieb Süd"].members == ("101", "102")


def test_what_of_fusionpbx_cannot_be_imported_is_listed(
    sqlite: peewee.Database, sqlite_url: str, fusionpbx: str
) -> None:
    db = open_database(fusionpbx)
    execute(db, "UPDATE v_ring_groups SET ring_group_strategy = 'sequence' WHERE ring_group_extension = '701'")
    execute(db, "UPDATE v_ring_groups SET ring_group_timeout_app = 'lua' WHERE ring_group_extension = '700'")
    execute(db, "UPDATE v_ring_group_destinations SET destination_number = '0170555' WHERE destination_number = '102'")
    db.close()
    assert refusal(sqlite, sqlite_url, "fusionpbx", fusionpbx, "--yes") == [
        "v_ring_groups, 700 of pbx.example: group 'Vertrieb Süd' ends in 'lua': transfer, hangup are accepted",
        "v_ring_group_destinations, group Vertrieb Süd of pbx.example: group 'Vertrieb Süd' rings '0170555', which is "
        "no enabled extension: one is accepted",
        "v_ring_groups, 701 of pbx.example: group 'Einkauf' has the strategy 'sequence': simultaneous, enterprise are "
        "accepted",
    ]
    assert run(sqlite_url, "fusionpbx", fusionpbx, "--yes", "--skip").exit_code == 0
    assert {name: group.members for name, group in read_inventory(sqlite).groups.items()} == {"Vertrieb Süd": ("101",)}


def test_a_database_that_is_no_fusionpbx_is_refused(
    sqlite: peewee.Database, sqlite_url: str, new_postgresql: NewDatabase, fusionpbx: str
) -> None:
    assert refusal(sqlite, sqlite_url, "fusionpbx", sqlite_url) == [
        "FusionPBX keeps its data in PostgreSQL: postgresql://USER:PASSWORD@HOST/fusionpbx is accepted"
    ]
    assert refusal(sqlite, sqlite_url, "fusionpbx", fusionpbx, "--domain", "x.example") == [
        "FusionPBX has no domain 'x.example': pbx.example is accepted"
    ]
    with new_postgresql() as empty:
        refused = run(sqlite_url, "fusionpbx", empty).exception
    assert isinstance(refused, DatabaseError)
    assert "is not the database of a FusionPBX: it has no table v_ring_group_destinations" in str(refused)


BAD_ROWS = "user;display_name;number;group;group_number\nanna;Anna;101;Team;700\nx;X;7a;Team;\nz;Z1;5;;\nz;Z2;6;Team;\n"
WITH_LETTERS = (
    "user 'x', lines, number: '7a' is not a number: digits, '*', '#' and a leading '+' are accepted, "
    "at most 32 characters"
)


def test_contradictions_and_wrong_values_are_listed_together(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(BAD_ROWS)
    assert refusal(sqlite, sqlite_url, "csv", str(file), "--yes") == [
        f"{file}, line 5: user 'z' has the display_name 'Z2' here and 'Z1' at {file}, line 4: one is accepted",
        f"{file}, line 3: {WITH_LETTERS}",
    ]


def test_skip_leaves_out_rows_of_both_kinds_and_lists_them(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(BAD_ROWS)
    result = run(sqlite_url, "csv", str(file), "--yes", "--skip")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"left out: {file}, line 5: user 'z' has the display_name 'Z2' here and 'Z1' at {file}, line 4: "
        "one is accepted",
        f"left out: {file}, line 3: {WITH_LETTERS}",
    ]
    found = read_inventory(sqlite)
    assert (list(found.users), sorted(number for _, number in found.lines)) == (["anna", "x", "z"], ["101", "5", "6"])


def test_skip_leaves_out_a_user_with_a_wrong_name_and_their_membership(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("user;number;group;group_number\nanna;101;Team;700\na b;102;Team;\n")
    result = run(sqlite_url, "csv", str(file), "--yes", "--skip")
    assert result.exit_code == 0
    assert all(line.startswith(f"left out: {file}, line 3: ") for line in result.stderr.splitlines())
    found = read_inventory(sqlite)
    assert (list(found.users), found.groups["Team"].members) == (["anna"], ("anna",))


def test_skip_leaves_out_a_group_whose_number_is_taken(
    sqlite: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("user;number;group;group_number\nanna;101;Team;101\n")
    result = run(sqlite_url, "csv", str(file), "--yes", "--skip")
    assert result.stderr == (
        f"left out: {file}, line 2: group 'Team' cannot have the number 101, it is a line of user 'anna': "
        "a free number is accepted\n"
    )
    found = read_inventory(sqlite)
    assert (list(found.users), list(found.groups)) == (["anna"], [])


def test_a_password_for_fusionpbx_is_refused_in_the_command_line_and_accepted_in_the_environment(
    sqlite: peewee.Database, sqlite_url: str, fusionpbx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fusionpbx.replace("postgres@", "postgres:geheim@")
    assert url != fusionpbx
    assert refusal(sqlite, sqlite_url, "fusionpbx", url) == [
        f"URL: {fusionpbx.replace('postgres@', 'postgres:***@')!r} is refused, ps shows the password to everybody on "
        "this machine: the URL without it is accepted, or the whole URL in FUSIONPBX_DATABASE"
    ]
    monkeypatch.setenv("FUSIONPBX_DATABASE", url)
    assert run(sqlite_url, "fusionpbx", "--dry-run").exit_code == 0


def test_an_import_is_told_to_programs_as_one_object(sqlite: peewee.Database, sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("user,number\nanna,101\nben,x\n")
    before = everything(sqlite)
    tried = run(sqlite_url, "csv", str(file), "--skip", "--json", "--dry-run")
    assert (tried.stderr, everything(sqlite)) == ("", before)
    told = json.loads(tried.stdout)
    assert [(it["action"], it["kind"], it["name"]) for it in told["changes"]] == [
        ("add", "user", "anna"),
        ("add", "user", "ben"),
        ("add", "line", f"101@{DOMAIN}"),
    ]
    assert told["dry_run"] is True
    assert [line.startswith(f"{file}, line 3: user 'ben'") for line in told["left_out"]] == [True]
    assert json.loads(run(sqlite_url, "csv", str(file), "--skip", "--json", "--yes").stdout) == {
        **told,
        "dry_run": False,
    }
    assert list(read_inventory(sqlite).users) == ["anna", "ben"]
    assert json.loads(run(sqlite_url, "csv", str(file), "--skip", "--json").stdout)["changes"] == []
