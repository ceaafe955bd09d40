"""Who has a caller that was taken away: read from what the switch says of two channels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esl_huntgroup.calls.taker import Whereabouts, callerid_of, shown_name, whereabouts

PARTNER = "aaaaaaaa-0000-4000-8000-000000000000"


def channel(**values: str) -> Callable[[str], str | None]:
    """Return a channel; ``_`` in the name of a value stands for ``-``, but in ``variable_``."""
    return {key if key.startswith("variable_") else key.replace("_", "-"): value for key, value in values.items()}.get


@pytest.mark.parametrize("variable", ["variable_signal_bond", "variable_bridge_uuid"])
def test_a_caller_who_was_picked_up_is_connected_with_a_channel(variable: str) -> None:
    caller = channel(**{variable: PARTNER}, Other_Leg_Caller_ID_Number="1002", Caller_Destination_Number="700")
    assert whereabouts(caller) == Whereabouts(PARTNER, "1002")


def test_who_has_the_caller_now_counts_and_not_who_had_them_before() -> None:
    caller = channel(variable_signal_bond=PARTNER, variable_bridge_uuid="bbbbbbbb-0000-4000-8000-000000000000")
    assert whereabouts(caller) == Whereabouts(PARTNER, "")


def test_a_caller_who_was_sent_on_is_at_an_extension() -> None:
    sent_on = channel(Caller_Destination_Number="9000", Other_Leg_Caller_ID_Number="1002")
    assert whereabouts(sent_on) == Whereabouts("", "9000")


def test_a_caller_whom_the_switch_does_not_know_any_more_is_nowhere() -> None:
    assert whereabouts(channel()) == Whereabouts()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"Caller_Caller_ID_Number": "4711", "Channel_Name": "sofia/x/4711@y"}, "4711"),
        ({"Caller_Caller_ID_Number": "", "Channel_Name": "loopback/park-b"}, "loopback/park-b"),
        ({"Caller_Caller_ID_Number": "<>", "Channel_Name": "loopback/park-b"}, "loopback/park-b"),
        ({}, ""),
    ],
)
def test_a_stranger_is_called_by_the_number_or_else_by_the_channel(values: dict[str, str], shown: str) -> None:
    assert shown_name(channel(**values)) == shown


def test_a_channel_that_called_shows_who_called_and_one_that_was_called_who_was() -> None:
    values = {
        "Caller_Caller_ID_Name": "Xaver",
        "Caller_Caller_ID_Number": "4711",
        "Caller_Callee_ID_Name": "Anna",
        "Caller_Callee_ID_Number": "1001",
    }
    assert callerid_of(channel(Call_Direction="inbound", **values)) == ("Xaver", "4711")
    assert callerid_of(channel(Call_Direction="outbound", **values)) == ("Anna", "1001")
    assert callerid_of(channel()) == ("", "")


def test_what_a_phone_wrote_reaches_the_journal_without_harm() -> None:
    hostile = channel(
        Caller_Caller_ID_Name="A\nUnique-ID: b",
        Caller_Caller_ID_Number="47${system(id)}11",
        Caller_Destination_Number="9000'\n",
        Channel_Name="sofia/\x1b[31m",
    )
    assert callerid_of(hostile) == ("A Unique-ID: b", "47systemid11")
    assert whereabouts(hostile).number == "9000"
    assert shown_name(channel(Channel_Name="sofia/\x1b[31m")).isprintable()
    assert whereabouts(channel(variable_bridge_uuid=PARTNER, Other_Leg_Caller_ID_Number="1;2\n")).number == "12"


def test_who_withholds_the_number_is_nobody_after_a_transfer_too() -> None:
    withheld = {"Caller_Privacy_Hide_Number": "true", "Caller_Privacy_Hide_Name": "true"}
    caller = channel(Call_Direction="inbound", Caller_Caller_ID_Name="X", Caller_Caller_ID_Number="4711", **withheld)
    assert callerid_of(caller) == ("", "")


def test_the_word_of_the_switch_for_somebody_without_a_name_is_no_name() -> None:
    called = {"Caller_Callee_ID_Name": "Outbound Call", "Caller_Callee_ID_Number": "1005"}
    assert callerid_of(channel(Call_Direction="outbound", **called)) == ("", "1005")
