"""What the ringing phones are shown of the caller and the group, whatever the caller wrote."""

from __future__ import annotations

from . import sipp
from .lab import NOT_SET, Lab

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
    assert not set(call.caller_name) & set("${}~|@/:[]'\"\n")
