"""PURE: how a group call can end, how one member sees it, and how a missed one is handled."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """
    How a group call ended. The value is what the dialplan finds in ``huntgroup_result``.

    ``INTERRUPTED`` is for the journal alone: a call that lost its service, and of whose end the switch knows nothing.
    ``PICKED_UP`` is a call that somebody took who was not rung for it. ``LOOP`` is one of our own calls that came back
    to its group by SIP; like that to an unknown number it is no group call, and the log alone has it.
    """

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    NOBODY_REGISTERED = "nobody_registered"
    ALL_BUSY = "all_busy"
    CALLER_GONE = "caller_gone"
    GROUP_DISABLED = "group_disabled"
    UNKNOWN_NUMBER = "unknown_number"
    SWITCH_GONE = "switch_gone"
    SERVICE_FAULT = "service_fault"
    INTERRUPTED = "interrupted"
    PICKED_UP = "picked_up"
    LOOP = "loop"


SPOKEN = frozenset({Outcome.ANSWERED, Outcome.PICKED_UP})
"""The outcomes after which somebody had the call: a member, or whoever took it away while it rang."""


class EntryKind(enum.StrEnum):
    """How one member sees one group call."""

    ANSWERED = "answered"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    MISSED = "missed"
    NOT_SIGNALLED = "not_signalled"


CAN_BE_HANDLED = (EntryKind.MISSED, EntryKind.NOT_SIGNALLED)
"""The entries of a call that nobody took: somebody has to deal with it."""


class How(enum.StrEnum):
    """How a missed call was handled."""

    BY_HAND = "by_hand"
    CALLED_BACK = "called_back"
    CALLED_AGAIN = "called_again"
