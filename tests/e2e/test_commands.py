"""What the administrator's commands say of a real switch and of real calls."""

from __future__ import annotations

import json

import click
from click.testing import CliRunner

from esl_huntgroup.cli.explain import explain_command
from esl_huntgroup.cli.journal import journal_command
from esl_huntgroup.settings import Settings

from . import sipp
from .freeswitch import PASSWORD
from .lab import Lab


def test_journal_command_shows_what_each_member_has(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=500))
    lab.phone("1002", sipp.rings())
    caller = lab.call(display="Eve Example", talk_ms=300)
    assert caller.final_status() == 200
    call = lab.journal(caller)

    lines = [json.loads(line) for line in lab.service.run("journal", "--json").splitlines()]
    ours = [line for line in lines if line["caller_number"] == caller.number]

    assert {line["user_name"]: line["kind"] for line in ours} == call.kinds
    assert {line["answered_by_name"] for line in ours} == {"Anna Berg"}
    assert {line["caller_name"] for line in ours} == {"Eve Example"}
    bens = lab.service.run("journal", "--user", "ben").splitlines()
    assert "spoken with Anna Berg" in next(line for line in bens if caller.number in line)


def test_journal_command_shows_a_call_while_it_rings_and_while_they_talk(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=4000))
    caller = lab.call(talk_ms=3000)

    def said(command: click.Command, *arguments: str) -> list[str]:
        """Run a command in this process: another one may take longer to start than a phone rings."""
        return CliRunner().invoke(command, arguments, obj=Settings(database=lab.service.database)).output.splitlines()

    def shown() -> list[dict[str, object]]:
        lines = map(json.loads, said(journal_command, "--json"))
        return [line for line in lines if line["caller_number"] == caller.number]

    call = lab.journal(caller, until=lambda call: True)
    (ringing,) = shown()
    assert (ringing["state"], ringing["outcome"], ringing["kind"]) == ("ringing", None, None)
    assert ": ringing now" in said(explain_command, str(ringing["call_id"]))[0]
    lab.journal(caller, until=lambda call: call.kinds)
    assert {(line["state"], line["outcome"]) for line in shown()} == {("talking", None)}
    assert caller.final_status() == 200
    assert lab.journal(caller).caller_number == call.caller_number
    assert {(line["state"], line["outcome"]) for line in shown()} == {("ended", "answered")}


def check(lab: Lab, status: int = 0) -> str:
    """Return what `check` says, which ends with this status."""
    settings = {
        "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{lab.switch.esl_port}",
        "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
    }
    return lab.service.run("check", settings=settings, status=status)


def test_check_names_the_profile_in_which_a_second_device_silences_the_first(lab: Lab) -> None:
    configuration = lab.switch.folder / "conf" / "freeswitch.xml"
    kept = configuration.read_text(encoding="utf-8")

    def load(text: str) -> None:
        configuration.write_text(text, encoding="utf-8")
        assert lab.switch.api("reloadxml").startswith("+OK")
        assert lab.switch.api("sofia profile internal rescan").endswith("+OK scan complete")

    def devices() -> int:
        for port in (5071, 5072):
            lab.register("1001", f"<sip:1001@127.0.0.1:{port}>")
        return lab.switch.api("sofia_contact */1001@lab.local").count("sip:1001@")

    try:
        load(
            kept.replace('name="multiple-registrations" value="contact"', 'name="multiple-registrations" value="false"')
        )
        assert devices() == 1
        (line,) = [line for line in check(lab, status=1).splitlines() if line.startswith("FIX")]
    finally:
        load(kept)
    assert line.startswith("FIX switch: in 1 SIP profile (internal) the second device of a line takes the place of")
    assert devices() == 2


def test_check_finds_nothing_to_do(lab: Lab) -> None:
    found = check(lab)

    assert "extension 'huntgroup' in context lab is complete and leads to this service" in found
    assert "FIX" not in found
