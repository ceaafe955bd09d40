"""`check numbers` from files, as an administrator's CI runs it."""

from __future__ import annotations

import json
from pathlib import Path

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli.check import check_command
from esl_huntgroup.errors import InputError
from esl_huntgroup.settings import KamailioAt, Settings
from tests.database import rows
from tests.database.rows import DOMAIN
from tests.database.switches import AskedSwitch
from tests.protocol.rpc_server import RpcServer

OURS = Path(__file__).parents[2] / "freeswitch" / "dialplan" / "00_huntgroup.xml"


def run(
    url: str,
    *arguments: str,
    esl_address: tuple[tuple[str, int], ...] = (),
    kamailio: tuple[KamailioAt, ...] = (),
) -> Result:
    settings = Settings(database=url, esl_address=esl_address, kamailio=kamailio)
    return CliRunner().invoke(check_command, ["numbers", *arguments], obj=settings)


@pytest.fixture
def firm(sqlite: peewee.Database) -> peewee.Database:
    rows.user(sqlite, 1, "anna")
    rows.line(sqlite, 1, "101")
    rows.group(sqlite, "700", "Vertrieb")
    rows.group(sqlite, None, "Archiv")
    return sqlite


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Write a configuration as FreeSWITCH's own: variables, a folder of users, our dialplan as it is shipped."""
    (tmp_path / "directory" / "default").mkdir(parents=True)
    (tmp_path / "directory" / "default.xml").write_text(
        '<include>\n<X-PRE-PROCESS cmd="set" data="domain=example.org"/>\n<domain name="$${domain}">\n'
        '  <X-PRE-PROCESS cmd="include" data="default/*.xml"/>\n</domain>\n</include>\n'
    )
    (tmp_path / "directory" / "default" / "101.xml").write_text('<include>\n  <user id="101"/>\n</include>\n')
    (tmp_path / "dialplan.xml").write_text(
        f'<context name="default">\n<X-PRE-PROCESS cmd="include" data="{OURS}"/>\n</context>\n'
    )
    return tmp_path


def sources(conf: Path) -> list[str]:
    return ["--directory-xml", str(conf / "directory"), "--dialplan-xml", str(conf / "dialplan.xml")]


def test_the_shipped_dialplan_and_a_clean_directory_have_no_conflict(
    firm: peewee.Database, sqlite_url: str, conf: Path
) -> None:
    result = run(sqlite_url, *sources(conf))
    assert (result.exit_code, result.output) == (
        0,
        "ok  numbers: 1 group number and 1 line without a conflict in directory, dialplan, gateways\n",
    )


def test_a_conflict_is_one_line_with_its_place_and_status_one(
    firm: peewee.Database, sqlite_url: str, conf: Path
) -> None:
    user = conf / "directory" / "default" / "102.xml"
    user.write_text('<include>\n  <!-- Ben -->\n  <user id="102" number-alias="700"/>\n</include>\n')
    rows.line(firm, 1, "712")
    result = run(sqlite_url, *sources(conf))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"FIX directory: user 102@{DOMAIN} ({user}, line 3) has the number-alias 700, the number of group 'Vertrieb': "
        "change one of the two",
        "FIX dialplan: context default: extension 'huntgroup' (^7\\d\\d$) matches 712, a line of user 'anna': "
        "make huntgroup_numbers narrower",
    ]
    assert run(sqlite_url, *sources(conf), "--accept", "700", "--accept", "712").exit_code == 0


def test_two_queries_whatever_the_size(firm: peewee.Database, sqlite_url: str, conf: Path, queries: list[str]) -> None:
    run(sqlite_url, *sources(conf))
    few = len(queries)
    for number in range(200, 300):
        rows.line(firm, 1, str(number))
        rows.group(firm, str(number + 600))
    queries.clear()
    run(sqlite_url, *sources(conf))
    assert len(queries) == few


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "{file} cannot be read: No such file or directory"),
        (b"<a>\n<b>\n</a>", "{file}, line 3: this is not XML (mismatched tag): FreeSWITCH's own files are accepted"),
        (b"<a name='\xe4'/>", "{file}: byte 10 is not UTF-8: UTF-8 is accepted"),
        (
            b'<X-PRE-PROCESS cmd="include" data="f.xml"/>',
            "{file}: files include one another without end: at most 20 deep is accepted",
        ),
        (
            b'<include><user id="1"/></include>',
            "{file}: FreeSWITCH leaves out every line with <include>, </include> or <?xml, and with them all that this "
            "file holds: a file with a new line after each of them is accepted",
        ),
    ],
)
def test_files_that_cannot_be_read_are_one_sentence(
    firm: peewee.Database, sqlite_url: str, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "f.xml"
    if content is not None:
        file.write_bytes(content)
    refused = run(sqlite_url, "--dialplan-xml", str(file)).exception
    assert isinstance(refused, InputError)
    assert str(refused) == sentence.format(file=file)


def test_an_empty_folder_and_nothing_to_compare_with_are_refused(
    firm: peewee.Database, sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    refusals = [run(sqlite_url, "--directory-xml", str(tmp_path / "empty")), run(sqlite_url)]
    assert [str(it.exception) for it in refusals] == [
        f"{tmp_path / 'empty'} has no file *.xml: a file, or a folder with such files, is accepted",
        "there is nothing to compare with: esl_address is not set: HOST:PORT of the switch's event socket, "
        "or --directory-xml and --dialplan-xml are accepted",
    ]


def test_findings_are_there_for_programs_too(firm: peewee.Database, sqlite_url: str, conf: Path) -> None:
    fine = run(sqlite_url, *sources(conf), "--json")
    assert (fine.exit_code, json.loads(fine.output)["ok"]) == (0, True)
    (conf / "directory" / "default" / "700.xml").write_text('<include>\n  <user id="700"/>\n</include>\n')
    bad = run(sqlite_url, *sources(conf), "--json")
    told = [json.loads(line) for line in bad.output.splitlines()]
    assert bad.exit_code == 1
    assert [found["ok"] for found in told] == [False]
    assert "700" in told[0]["text"]


def test_every_switch_is_asked_and_one_that_does_not_answer_is_a_finding(
    firm: peewee.Database, sqlite_url: str
) -> None:
    condition = '<condition field="destination_number" expression="^700$"/>'
    dialplan = f'<context name="default"><extension name="huntgroup">{condition}</extension></context>'
    user = f'<domain name="{DOMAIN}"><user id="700"/></domain>'
    clean, other = AskedSwitch({}, {"dialplan": dialplan}), AskedSwitch({}, {"dialplan": dialplan, "directory": user})
    result = run(sqlite_url, esl_address=(clean.address, other.address, ("127.0.0.1", 1)))
    alone = run(sqlite_url, esl_address=(clean.address,))
    clean.close()
    other.close()
    fine = "ok  numbers: 1 group number and 1 line without a conflict in directory, dialplan, gateways"
    assert (alone.exit_code, alone.output.splitlines()) == (0, [fine])
    assert result.exit_code == 1
    first, second, third = result.output.splitlines()
    assert first == f"{fine} at 127.0.0.1 port {clean.address[1]}"
    assert second.startswith(f"FIX at 127.0.0.1 port {other.address[1]}: directory: user 700@{DOMAIN} (")
    assert third == "FIX switch: 127.0.0.1 port 1: Connection refused"


def test_a_channel_variable_among_the_global_ones_is_read_as_the_switch_stores_it(
    firm: peewee.Database, sqlite_url: str, conf: Path
) -> None:
    text = OURS.read_text()
    ours = conf / "ours.xml"
    (conf / "dialplan.xml").write_text(
        f'<context name="default">\n<X-PRE-PROCESS cmd="include" data="{ours}"/>\n</context>\n'
    )
    ours.write_text(text.replace("huntgroup_domain=$${domain}", "huntgroup_domain=${sip_req_host}"))
    wrong = run(sqlite_url, *sources(conf))
    assert wrong.exit_code == 1
    assert f"no extension 'huntgroup' serves the domain {DOMAIN}" in wrong.output
    ours.write_text(text.replace("huntgroup_domain=$${huntgroup_domain}", "huntgroup_domain=${sip_req_host}"))
    assert run(sqlite_url, *sources(conf)).exit_code == 0


def test_a_phone_at_kamailio_that_has_the_number_of_a_group_is_a_conflict(
    firm: peewee.Database, sqlite_url: str
) -> None:
    where = {"Address": "sip:700@192.168.7.7:5062", "Received": "sip:10.9.8.7:5"}
    phone = {"Ruid": "uloc-1", "User-Agent": "Pho\x07ne", **where}
    switch, server = AskedSwitch({}), RpcServer({f"700@{DOMAIN}": [phone]})
    at = KamailioAt(DOMAIN, ("127.0.0.1", server.port, "/huntgroup"), "10.0.0.1:5060")
    try:
        asked = run(sqlite_url, esl_address=(switch.address,), kamailio=(at,))
        accepted = run(sqlite_url, "--accept", "700", esl_address=(switch.address,), kamailio=(at,))
        server.phones.clear()
        free = run(sqlite_url, esl_address=(switch.address,), kamailio=(at,))
        alone = run(sqlite_url, esl_address=(switch.address,), kamailio=(KamailioAt(DOMAIN, None, "10.0.0.1:5060"),))
    finally:
        switch.close()
        server.stop()
    gone = run(sqlite_url, esl_address=(switch.address,), kamailio=(at,))
    said = asked.output.splitlines()[-1]
    assert asked.exit_code == 1
    assert said.startswith(
        f"FIX numbers: 700@{DOMAIN}, the number of a group, is registered at Kamailio 10.0.0.1:5060 by "
        "Pho\N{REPLACEMENT CHARACTER}ne at sip:700@192.168.7.7:5062 behind NAT at 10.9.8.7:5 (sip:uloc-1-"
    )
    assert said.endswith("): give that phone another account")
    assert "Kamailio" not in accepted.output
    assert free.output.splitlines()[-1] == "ok  numbers: 1 group number without a phone at Kamailio 10.0.0.1:5060"
    assert "Kamailio" not in alone.output
    assert gone.output.splitlines()[-1] == (
        "FIX numbers: Kamailio 10.0.0.1:5060 does not tell who is registered: Connection refused"
    )
