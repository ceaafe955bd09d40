"""FreeSWITCH as registrar: a question a line, and what the answers to them say."""

from __future__ import annotations

import pytest

from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.registrar import Destination
from tests.unit.examples import ANNA_LINE, BERND_LINE, DOMAIN, contact

MARKER = "[h=0123456789ab]"
LINES = (ANNA_LINE, BERND_LINE)


def test_each_line_is_asked_for_and_has_its_answer() -> None:
    assert FREESWITCH.questions(LINES, MARKER) == [f"sofia_contact */{n}@{DOMAIN}/{MARKER}" for n in (1001, 1002)]
    answers = [f"{MARKER}{contact(ANNA_LINE)}\n".encode(), b"error/user_not_registered"]
    assert FREESWITCH.contacts(LINES, answers, MARKER) == {
        ANNA_LINE: Contacts((contact(ANNA_LINE),)),
        BERND_LINE: Contacts(),
    }


def test_bytes_that_are_no_text_are_a_refused_contact() -> None:
    (told,) = FREESWITCH.contacts((ANNA_LINE,), [f"{MARKER}sofia/internal/sip:".encode() + b"\xff@h"], MARKER).values()
    assert told == Contacts(refused=("sofia/internal/sip:\N{REPLACEMENT CHARACTER}@h",))


def test_an_answer_is_missing_only_by_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="shorter"):
        FREESWITCH.contacts(LINES, [b""], MARKER)


def test_a_contact_is_dialled_as_it_is_told() -> None:
    assert FREESWITCH.destination(ANNA_LINE, contact(ANNA_LINE)) == Destination(contact(ANNA_LINE), ())


def test_what_else_is_known_is_asked_once_for_each_account_at_each_profile() -> None:
    two = Contacts(("sofia/internal/sip:a@h", "sofia/internal/sip:b@h", "sofia/wss/sip:c@h"))
    contacts = {ANNA_LINE: two, BERND_LINE: Contacts()}
    assert FREESWITCH.further_questions(contacts) == [
        "sofia xmlstatus profile internal user 1001@",
        "sofia xmlstatus profile wss user 1001@",
    ]
    status = (
        b"    <registration>\n        <contact>&lt;sip:a@h&gt;</contact>\n        <agent>Phone</agent>\n"
        b"        <status>Registered(UDP)(unknown) expsecs(60)</status>\n    </registration>\n"
    )
    told = FREESWITCH.registrations(contacts, [status, b""])
    assert {where: (it.expires_in_s, it.agent) for where, it in told.items()} == {
        "sofia/internal/sip:a@h": (60, "Phone")
    }
