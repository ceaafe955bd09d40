"""What the ringing phones are shown of the caller and the group, whatever the caller wrote."""

from __future__ import annotations

import time

import pytest

from . import sipp
from .lab import ENDED_WITHIN_S, NOT_SET, Lab
from .sip import Message

PLAIN, THE_GROUP = "510", "709"
"""Both ring whatever is registered as 1100: a plain ``bridge`` of the dialplan, and a group."""
GROUP = '"Vertrieb" <sip:700@lab.local>;reason=unconditional'


def test_caller_is_kept_and_the_group_is_named_on_every_leg(lab: Lab) -> None:
    phones = [lab.phone("1001", sipp.rings()), lab.phone("1002", sipp.rings())]
    caller = lab.call(display="Zoë Müller-Łuk", gives_up_after_ms=1000)

    assert caller.final_status() == 487
    for phone in phones:
        invite = phone.wait_invited()
        assert invite.header("From").startswith(f'"Zoë Müller-Łuk" <sip:{caller.number}@')
        assert invite.header("Diversion").startswith(GROUP)
        assert invite.header("History-Info") == "<sip:700@lab.local>;index=1"
    assert lab.journal(caller).caller_name == "Zoë Müller-Łuk"


def test_the_group_goes_on_top_of_what_the_caller_brought(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    headers = [
        "Diversion: <sip:4600@example.com>;reason=user-busy",
        "History-Info: <sip:4600@example.com>;index=1",
    ]
    caller = lab.call(headers=headers, gives_up_after_ms=1000)

    assert caller.final_status() == 487
    invite = anna.wait_invited()
    assert len(invite.all("Diversion")) == 1
    first, second = invite.header("Diversion").split(", ")
    assert first.startswith(GROUP)
    assert second == "<sip:4600@example.com>;reason=user-busy"
    assert invite.header("History-Info") == "<sip:4600@example.com>;index=1, <sip:700@lab.local>;index=1.1"


def test_a_hostile_name_and_hostile_headers_do_no_harm(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.answers(after_ms=700))
    name = (
        "Eve%0AUnique-ID: evil%0A, ${global_setvar(pwned=yes)} 'q' ~origination_uuid=x}|loopback/500/lab,"
        ' \\"b\\" a/b:c@d'
    )
    headers = [
        "X-Evil: a%0A%0Aapi global_setvar pwned=yes%0A%0A",
        "X-Worse: ${global_setvar(pwned=yes)}",  # the switch itself refuses what holds ${; so not in those below
        "Diversion: <sip:1@x>;reason=a~b|c],loopback/500/lab,'x'}",
        "History-Info: <sip:2@x>;index=1~b|c],loopback/500/lab",
    ]
    caller = lab.call(display=name, headers=headers, talk_ms=300)

    assert caller.final_status() == 200
    assert lab.switch.api("global_getvar pwned") == NOT_SET
    shown = anna.wait_invited().header("From")
    assert shown.startswith('"Eve')
    assert shown.count('"') == 2
    assert not set(shown.partition("<")[0]) & set("${}~|@/:[]'")
    assert anna.wait_invited().header("Diversion").startswith(GROUP)
    assert "loopback" not in anna.wait_invited().header("Diversion") + anna.wait_invited().header("History-Info")
    assert ben.wait_received("BYE")
    call = lab.journal(caller)
    assert call.answered_by == "Ben Wolf"
    assert call.caller_name.isprintable()


NAMES = [
    ("O'Neil", "O’Neil"),
    ("A/B", "A∕B"),
    ("Sales: 'Süd' | x", "Sales∶ ’Süd’ ｜ x"),
    ("$x {y} ~^ <b>", "＄x ｛y｝ ∼＾ ‹b›"),
    ("M&M; 1+1=2, #3 (*) !? 🚀 €5", "M&M; 1+1=2, #3 (*) !? 🚀 €5"),
    ("\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} Zoë", "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} Zoë"),
    ("a@b.example", "a＠b.example"),
]


@pytest.mark.parametrize(("written", "shown"), NAMES)
def test_a_name_reaches_the_journal_whole_and_the_phone_in_the_nearest_characters(
    lab: Lab, written: str, shown: str
) -> None:
    hall = lab.phone("1100", sipp.rings())
    caller = lab.call(to=THE_GROUP, display=written, gives_up_after_ms=1000)

    assert caller.final_status() == 487
    assert hall.wait_invited().header("From").startswith(f'"{shown}" <sip:{caller.number}@')
    assert hall.wait_invited().header("Remote-Party-ID").startswith(f'"{shown}" <sip:{caller.number}@')
    assert lab.journal(caller).caller_name == written


def identity(lab: Lab, to: str, headers: list[str], **how: str) -> tuple[str, ...]:
    """Return who the caller is for a phone: From without its tag, and every header about it."""
    hall = lab.phone("1100", sipp.rings())
    caller = lab.call(to=to, headers=headers, gives_up_after_ms=1000, **how)
    assert caller.final_status() == 487
    invite: Message = hall.wait_invited()
    lab.switch.wait_without_channels()
    lab.forget("1100")
    names = ("Remote-Party-ID", "P-Asserted-Identity", "P-Preferred-Identity", "Privacy")
    return (invite.header("From").partition(";tag=")[0], *(str(invite.all(name)) for name in names))


ASSERTED = 'P-Asserted-Identity: "Karl Kunde" <sip:+4930123@example.com>'


@pytest.mark.parametrize(
    ("prefix", "headers", "how", "known_as"),
    [
        ("", [], {"display": "Karl", "caller": "3777"}, ("Karl", "3777")),
        ("", [ASSERTED], {"display": "Liar", "caller": "110"}, ("Karl Kunde", "+4930123")),
        ("52", [], {"display": "Polizei", "caller": "110"}, ("Extension 1000", "1000")),
        ("52", [ASSERTED, "Privacy: id"], {"display": "x", "caller": "110"}, ("", "")),
        ("53", [], {"display": "Karl", "caller": "3778"}, ("", "")),
        ("", [ASSERTED, "Privacy: id"], {"display": "Anonymous", "caller": "anonymous"}, ("", "")),
        ("", ["Privacy: user;critical"], {"display": "Karl", "caller": "3779"}, ("", "")),
        ("", ["Privacy: none"], {"display": "Karl", "caller": "3780"}, ("Karl", "3780")),
        ("", ['Remote-Party-ID: "Rp" <sip:444@x>;party=calling;privacy=full'], {"caller": "3781"}, ("", "")),
        ("", [], {"display": "Anonymous", "caller": "anonymous"}, ("", "")),
    ],
)
def test_phones_see_who_calls_as_with_a_plain_bridge_and_the_journal_no_one_who_withholds_it(
    lab: Lab, prefix: str, headers: list[str], how: dict[str, str], known_as: tuple[str, str]
) -> None:
    before = {call.call_id for call in lab.service.calls_of("%")}
    plain = identity(lab, prefix + PLAIN, headers, **how)
    assert identity(lab, prefix + THE_GROUP, headers, **how) == plain

    deadline = time.monotonic() + ENDED_WITHIN_S
    while not (new := [call for call in lab.service.calls_of("%") if call.call_id not in before]):
        assert time.monotonic() < deadline, lab.service_log()
        time.sleep(0.1)
    ((name, number),) = {(call.caller_name, call.caller_number) for call in new}
    assert (name, number) == known_as
    assert known_as != ("", "") or "+4930123" not in lab.service_log()
