"""
Every way in which a group call can end, on the wire and in the journal: the situations of the recorded streams.

A group call has neither a pickup leg nor a second round of its own yet. Here a colleague picks up with FreeSWITCH's own
``intercept``, and the second round is that of the group to which the first one overflows.
"""

from __future__ import annotations

from . import sipp
from .lab import ELSEWHERE, GAVE_UP, WITNESS_WITHIN_S, Lab


def test_first_to_answer_has_the_call_and_the_others_are_told_elsewhere(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=800))
    ben = lab.phone("1002", sipp.rings())
    carla = lab.phone("1003", sipp.refuses("486 Busy Here"))
    lab.dead_phone("1004")
    caller = lab.call(talk_ms=1000)

    assert caller.final_status() == 200
    assert ben.reasons("CANCEL") == [ELSEWHERE]
    assert carla.received("INVITE")
    assert not carla.received("CANCEL")
    assert anna.wait_received("BYE")
    call = lab.journal(caller)
    assert (call.outcome, call.answered_by) == ("answered", "Anna Berg")
    assert call.kinds == {
        "Anna Berg": "answered",
        "Ben Wolf": "answered_elsewhere",
        "Carla Diaz": "answered_elsewhere",
        "Dora Lang": "answered_elsewhere",
        "Emil Frey": "answered_elsewhere",
    }
    assert call.rang == {"Anna Berg", "Ben Wolf", "Carla Diaz"}
    assert call.causes["Ben Wolf"] == "LOSE_RACE"
    assert call.causes["Carla Diaz"] == "USER_BUSY"
    assert 0.5 <= call.wait_s <= 1.5
    assert 0.8 <= call.talk_s <= 2.0


def test_two_answer_at_once_and_exactly_one_has_the_call(lab: Lab) -> None:
    phones = {
        "Anna Berg": lab.phone("1001", sipp.answers(after_ms=600)),
        "Ben Wolf": lab.phone("1002", sipp.answers(after_ms=600)),
    }
    caller = lab.call(talk_ms=1500)

    assert caller.final_status() == 200
    call = lab.journal(caller)
    winner = phones.pop(call.answered_by)
    (loser,) = phones.values()
    talked_s = winner.wait_received("BYE")[0].at - winner.received("INVITE")[0].at
    assert not winner.received("CANCEL")
    assert ELSEWHERE in {message.header("Reason") for message in loser.received("CANCEL") + loser.received("BYE")}
    assert talked_s > 1.5
    assert sorted(call.kinds.values()) == ["answered"] + ["answered_elsewhere"] * 4


def test_a_reject_ends_nothing(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.refuses("603 Decline", after_ms=300))
    carla = lab.phone("1003", sipp.refuses("600 Busy Everywhere"))
    ben = lab.phone("1002", sipp.answers(after_ms=1500))
    caller = lab.call(talk_ms=500)

    assert caller.final_status() == 200
    assert ben.wait_received("BYE")
    assert not anna.received("CANCEL")
    assert not carla.received("CANCEL")
    call = lab.journal(caller)
    assert call.answered_by == "Ben Wolf"
    assert call.causes["Anna Berg"] == "CALL_REJECTED"


def test_the_member_hangs_up_and_the_caller_is_not_rung_on(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=300, hangs_up_after_ms=700))
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call(talk_ms=20_000)

    assert caller.final_status() == 200
    assert caller.endpoint.received("BYE")
    assert anna.sent("BYE")
    assert len(ben.received("INVITE")) == 1
    call = lab.journal(caller)
    assert (call.outcome, call.answered_by) == ("answered", "Anna Berg")
    assert 0.4 <= call.talk_s <= 2.0


def test_nobody_answers_and_the_phones_show_a_missed_call(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call()

    assert caller.final_status() == 480
    assert anna.reasons("CANCEL") == ben.reasons("CANCEL") == [GAVE_UP]
    rang_s = anna.received("CANCEL")[0].at - anna.received("INVITE")[0].at
    # The service counts from its bridge on; without async, the switch's task ends it, in whole seconds and half ones.
    assert 4.9 <= rang_s <= (6.7 if lab.switch.is_fast else 5.7)
    call = lab.journal(caller)
    assert call.outcome == "no_answer"
    assert call.kinds == {
        "Anna Berg": "missed",
        "Ben Wolf": "missed",
        "Carla Diaz": "not_signalled",
        "Dora Lang": "not_signalled",
        "Emil Frey": "not_signalled",
    }


def test_the_caller_gives_up_and_the_phones_show_a_missed_call(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call(gives_up_after_ms=1500)

    assert caller.final_status() == 487
    assert anna.reasons("CANCEL") == ben.reasons("CANCEL") == [GAVE_UP]
    call = lab.journal(caller)
    assert call.outcome == "caller_gone"
    assert call.kinds["Anna Berg"] == call.kinds["Ben Wolf"] == "missed"
    assert call.kinds["Carla Diaz"] == "not_signalled"
    assert 1.0 <= call.wait_s <= 2.5


def test_all_are_busy(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("486 Busy Here"))
    lab.phone("1002", sipp.refuses("603 Decline"))
    lab.phone("1003", sipp.refuses("480 Do Not Disturb"))
    caller = lab.call()

    assert caller.final_status() == 486
    call = lab.journal(caller)
    assert call.outcome == "all_busy"
    assert call.kinds["Anna Berg"] == call.kinds["Ben Wolf"] == call.kinds["Carla Diaz"] == "missed"
    assert call.kinds["Dora Lang"] == "not_signalled"


def test_nobody_is_registered(lab: Lab) -> None:
    caller = lab.call()

    assert caller.final_status(within_s=3) == 480
    call = lab.journal(caller)
    assert call.outcome == "nobody_registered"
    assert set(call.kinds.values()) == {"not_signalled"}
    assert "Hans Hard" not in call.kinds


def test_a_members_sip_status_never_becomes_the_callers(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("404 Not Found"))
    lab.phone("1002", sipp.refuses("488 Not Acceptable Here"))
    caller = lab.call()

    assert caller.final_status() == 480
    assert caller.endpoint.statuses == [180, 480]


def test_a_members_sip_status_does_not_follow_the_caller_to_the_overflow(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("486 Busy Here"))

    assert lab.call(to="708").final_status() == 480


def test_many_callers_at_once_and_each_has_one_member(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=700))
    ben = lab.phone("1002", sipp.answers(after_ms=800))
    callers = [lab.call(talk_ms=1000) for _ in range(12)]

    assert [caller.final_status() for caller in callers] == [200] * 12
    assert len(anna.received("INVITE")) == len(ben.received("INVITE")) == 12
    calls = [lab.journal(caller) for caller in callers]
    assert {call.outcome for call in calls} == {"answered"}
    assert all(list(call.kinds.values()).count("answered") == 1 for call in calls)


def test_a_colleague_picks_the_ringing_caller_up_and_both_are_left_alone(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call(talk_ms=2500)
    anna.wait_invited()
    ben.wait_invited()
    picker = lab.unregistered_phone(sipp.answers(after_ms=100))
    uuid = lab.switch.caller_uuid(caller.number)
    lab.switch.api(f"originate sofia/internal/sip:carla@127.0.0.1:{picker.port} &intercept({uuid})")

    assert caller.final_status() == 200
    assert not caller.endpoint.received("BYE")
    assert picker.wait_received("BYE")
    assert anna.wait_received("CANCEL")
    assert ben.wait_received("CANCEL")
    assert len(anna.received("INVITE")) == len(ben.received("INVITE")) == 1
    call = lab.journal(caller, within_s=WITNESS_WITHIN_S)
    assert (call.outcome, call.overflow) == ("picked_up", "")
    assert set(call.kinds.values()) == {"answered_elsewhere"}


def test_two_rounds_one_in_each_group_are_told_apart(lab: Lab) -> None:
    halle = lab.phone("1100", sipp.rings())
    anna = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.answers(after_ms=500))
    caller = lab.call(to="705", talk_ms=500)

    assert caller.final_status() == 200
    assert halle.reasons("CANCEL") == [GAVE_UP]
    assert anna.reasons("CANCEL") == [ELSEWHERE]
    assert ben.wait_received("BYE")
    first, second = lab.journals(caller, until=lambda call: call.answered_by)
    assert (first.outcome, first.overflow, first.kinds) == ("no_answer", "transfer 700 XML lab", {"Halle": "missed"})
    assert [(leg.line[:4], leg.cause) for leg in first.legs] == [("1100", "ORIGINATOR_CANCEL")]
    assert (second.outcome, second.answered_by) == ("answered", "Ben Wolf")
    assert [(leg.line[:4], leg.cause) for leg in second.legs] == [("1001", "LOSE_RACE"), ("1002", "NONE")]
