"""`explain` says before a call what the switch then does, and after it what became of every phone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from . import sipp
from .freeswitch import PASSWORD
from .lab import Lab


def explain(lab: Lab, *arguments: str) -> list[str]:
    """Return what the command prints."""
    settings = {
        "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{lab.switch.esl_port}",
        "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
    }
    return lab.service.run("explain", *arguments, settings=settings).splitlines()


def test_the_numbers_of_the_firm_have_no_conflict_on_the_switch(lab: Lab) -> None:
    settings = {
        "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{lab.switch.esl_port}",
        "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
    }
    said = lab.service.run("check", "numbers", settings=settings)
    assert said == "ok  numbers: 14 group numbers and 11 lines without a conflict in directory, dialplan, gateways\n"


def without_ports(lines: list[str]) -> list[str]:
    return [re.sub(r"127\.0\.0\.1:\d+", "HOST", line) for line in lines]


def test_every_reason_has_its_line_and_the_call_does_what_was_said(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.answers(after_ms=700))
    lab.register("1003", f"<sip:1002@127.0.0.1:{ben.port}>")
    lab.register("1004", "<sip:1004,loopback/500/lab@127.0.0.1:9>")
    said = explain(lab, "Vertrieb", "--caller", "1001@lab.local")

    in_time = re.compile(r"\(expires in \d+ s\)")
    assert all(in_time.search(line) for line in (said[2], said[4]))
    assert without_ports([in_time.sub("(T)", line) for line in said]) == [
        "group Vertrieb (700@lab.local): 1 of 6 members would ring",
        "does not ring  1 Anna Berg: 1001@lab.local is the caller",
        "rings          2 Ben Wolf: 1002@lab.local at sofia/internal/sip:1002@HOST (T)",
        "does not ring  3 Carla Diaz: 1003@lab.local has the contact sofia/internal/sip:1002@HOST, "
        "which rings for Ben Wolf",
        "does not ring  4 Dora Lang: 1004@lab.local has the contact sofia/internal/sip:1004,loopback/500/lab@HOST, "
        "which is refused: it contains ',', which begins another leg in a dial string (T)",
        "does not ring  5 Emil Frey: 1005@lab.local is not registered",
        "does not ring  6 Hans Hard: has hardphone lines only (1006)",
    ]
    caller = lab.call(caller="1001", talk_ms=300)
    assert caller.final_status() == 200
    assert [len(phone.received("INVITE")) for phone in (anna, ben)] == [0, 1]


def test_for_programs_it_is_one_object(lab: Lab) -> None:
    phone = lab.phone("1001", sipp.rings())
    (text,) = explain(lab, "701@lab.local", "--json")
    told: dict[str, Any] = json.loads(text)

    anna, ben = told["members"]
    ((part),) = anna["parts"]
    assert (anna["rings"], part["line"], part["contact"]) == (
        True,
        "1001@lab.local",
        f"sofia/internal/sip:1001@127.0.0.1:{phone.port}",
    )
    assert part["expires_in_s"] > 0
    assert [part["why"] for part in ben["parts"]] == ["not_registered"]


def test_nobody_rings_and_where_the_caller_would_go(lab: Lab) -> None:
    assert explain(lab, "702") == [
        "group Archiv (702@lab.local): nobody rings: the group's hunt mode is disabled; "
        "the caller would end as group_disabled and go to: dialplan",
        "does not ring  1 Anna Berg: the group's hunt mode is disabled",
        "does not ring  2 Ben Wolf: the group's hunt mode is disabled",
    ]
    assert explain(lab, "701")[0] == (
        "group Einkauf (701@lab.local): 0 of 2 members would ring; "
        "the caller would end as nobody_registered and go to: respond 410"
    )


def test_what_is_over_the_leg_limit_is_said(lab: Lab) -> None:
    for number in range(128):
        lab.register("1100", f"<sip:hall{number}@127.0.0.1:9>")
    said = explain(lab, "705")

    assert len(said) == 2
    assert said[1].count("is over the limit of 127 phones in one call") == 1
    assert said[1].count("lab.local at sofia/internal/sip:hall") == 128


@pytest.mark.parametrize("language", ["", "--json"])
def test_a_call_of_the_journal_tells_what_became_of_every_phone(lab: Lab, language: str) -> None:
    lab.phone("1001", sipp.answers(after_ms=600))
    lab.phone("1002", sipp.refuses("486 Busy Here"))
    lab.register("1004", "<sip:1004,x@127.0.0.1:9>")
    caller = lab.call(talk_ms=300)
    assert caller.final_status() == 200
    lab.journal(caller)
    rows = [json.loads(line) for line in lab.service.run("journal", "--json").splitlines()]
    call_id = next(row["call_id"] for row in rows if row["caller_number"] == caller.number)
    said = explain(lab, call_id, *filter(None, [language]))

    if language:
        members = json.loads(said[0])["members"]
        assert [member["rings"] for member in members] == [True, True, False, False, False, False]
        assert [part["why"] for part in members[3]["parts"]] == ["CONTACT_REFUSED"]
        return
    lines = [re.sub(r" \(expires in \d+ s\)", "", line) for line in without_ports(said)]
    assert re.fullmatch(
        rf"call {call_id} of \S+ from {caller.number} to group Vertrieb \(700@lab.local\): answered", lines[0]
    )
    assert lines[1:] == [
        "rang          1 Anna Berg: 1001@lab.local at sofia/internal/sip:1001@HOST: answered; registered still",
        "rang          2 Ben Wolf: 1002@lab.local at sofia/internal/sip:1002@HOST: busy or refused (USER_BUSY); "
        "registered still",
        "did not ring  3 Carla Diaz: was not registered, or its contact rang for a member before it",
        "did not ring  4 Dora Lang: 1004@lab.local at sofia/internal/sip:1004,x@HOST: refused: it contains ',', "
        "which begins another leg in a dial string; registered still",
        "did not ring  5 Emil Frey: was not registered, or its contact rang for a member before it",
        "did not ring  6 Hans Hard: no entry: had no softphone line then, was the caller, or was no member yet",
    ]
