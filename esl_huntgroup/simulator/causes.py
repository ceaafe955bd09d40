"""PURE: hangup causes, the SIP that goes with them, and what a phone is told (mod_sofia.c, sofia_glue.c)."""

from __future__ import annotations

from typing import Final

CAUSE_NUMBERS: Final = {
    "NONE": 0,
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_DESTINATION": 3,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "EXCHANGE_ROUTING_ERROR": 25,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "NORMAL_UNSPECIFIED": 31,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "CHAN_NOT_IMPLEMENTED": 66,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "ORIGINATOR_CANCEL": 487,
    "LOSE_RACE": 702,
    "ALLOTTED_TIMEOUT": 802,
    "PICKED_OFF": 805,
    "USER_NOT_REGISTERED": 806,
}

_STATUS_CAUSES: Final = {
    404: "UNALLOCATED_NUMBER",
    408: "RECOVERY_ON_TIMER_EXPIRE",
    410: "NUMBER_CHANGED",
    480: "NO_USER_RESPONSE",
    484: "INVALID_NUMBER_FORMAT",
    486: "USER_BUSY",
    487: "ORIGINATOR_CANCEL",
    488: "INCOMPATIBLE_DESTINATION",
    500: "NORMAL_TEMPORARY_FAILURE",
    502: "NETWORK_OUT_OF_ORDER",
    503: "NORMAL_TEMPORARY_FAILURE",
    504: "RECOVERY_ON_TIMER_EXPIRE",
    600: "USER_BUSY",
    603: "CALL_REJECTED",
    606: "INCOMPATIBLE_DESTINATION",
}

_CAUSE_STATUS: Final = {
    "UNALLOCATED_NUMBER": 404,
    "NO_ROUTE_DESTINATION": 404,
    "USER_BUSY": 486,
    "NO_USER_RESPONSE": 408,
    "CALL_REJECTED": 603,
    "DESTINATION_OUT_OF_ORDER": 502,
    "NETWORK_OUT_OF_ORDER": 502,
    "NORMAL_TEMPORARY_FAILURE": 503,
    "INCOMPATIBLE_DESTINATION": 488,
    "RECOVERY_ON_TIMER_EXPIRE": 504,
    "ORIGINATOR_CANCEL": 487,
    "EXCHANGE_ROUTING_ERROR": 483,
}

_PHRASES: Final = {
    180: "Ringing",
    302: "Moved Temporarily",
    404: "Not Found",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "CANCEL",
    503: "Service Unavailable",
    603: "Decline",
}

_DIAL_STATUS: Final = {
    "ORIGINATOR_CANCEL": "CANCEL",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "DESTINATION_OUT_OF_ORDER": "INVALIDARGS",
    "INVALID_PROFILE": "INVALIDARGS",
    "CALL_REJECTED": "DONTCALL",
}

COMPLETED_ELSEWHERE: Final = 'SIP;cause=200;text="Call completed elsewhere"'


def known_cause(name: str) -> str:
    """switch_channel_str2cause: the cause of this name or number, NORMAL_CLEARING for anything else."""
    upper = name.strip().upper()
    if upper in CAUSE_NUMBERS:
        return upper
    by_number = {str(number): cause for cause, number in CAUSE_NUMBERS.items()}
    return by_number.get(upper, "NORMAL_CLEARING")


def q850(cause: str) -> int:
    """Return the number in variable_hangup_cause_q850: FreeSWITCH's own causes count as normal clearing."""
    number = CAUSE_NUMBERS.get(cause, 16)
    return number if number < 128 else 16


def cause_of_status(status: int) -> str:
    """Return the hangup cause of a leg that a phone refused with this SIP status."""
    return _STATUS_CAUSES.get(status, "NORMAL_UNSPECIFIED")


def status_of_cause(cause: str) -> int:
    """Return the SIP status that a caller gets who is hung up before an answer."""
    return _CAUSE_STATUS.get(cause, 480)


def phrase(status: int) -> str:
    """Return the reason phrase of a SIP status."""
    return _PHRASES.get(status, "")


def dial_status(cause: str) -> str:
    """Return DIALSTATUS for an originate that ended with this cause."""
    return _DIAL_STATUS.get(cause, cause)


def reason_header(cause: str) -> str:
    """Return the Reason header of the CANCEL or BYE to a leg (sofia_on_hangup)."""
    if cause in ("LOSE_RACE", "PICKED_OFF"):
        return COMPLETED_ELSEWHERE
    number = CAUSE_NUMBERS.get(cause, 16)
    return f'{"Q.850" if number < 128 else "SIP"};cause={number};text="{cause}"'
