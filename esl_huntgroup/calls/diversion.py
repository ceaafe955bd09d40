"""
PURE: Diversion (RFC 5806) and History-Info (RFC 7044), which tell the ringing phones that the call came by the group.

Ours goes on top; what came with the call stays below it. An entry that is not well formed, or not harmless in a dial
string, is left out, and the others stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.inbound_call import Visit
from esl_huntgroup.model.group import HuntGroup
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.registrars.contacts import ENTERPRISE

REASONS: Final[Mapping[Outcome, str]] = {
    Outcome.NO_ANSWER: "no-answer",
    Outcome.ALL_BUSY: "user-busy",
    Outcome.NOBODY_REGISTERED: "unavailable",
    Outcome.GROUP_DISABLED: "out-of-service",
}
"""Why a group passed a call on, in the words of RFC 5806."""
KEPT_MAX: Final = 10
"""Entries kept from the caller. RFC 5806 names no limit; a call diverted more often is in a loop."""
HEADER_MAX_CHARS: Final = 2000
"""What is read of a header: ten long entries. A caller can send 64 kB, and patterns take their time on it."""

# Every repetition is possessive (*+, ++): nothing that a caller sends makes a pattern go back and try again.
_BLANK = r"[ \t]*+"
_PARAMETER = r"(?:;[A-Za-z0-9_.-]++(?:=[A-Za-z0-9_.+-]*+)?+)"
_SIP = r"sips?:[A-Za-z0-9_.+*#!()-]++@[A-Za-z0-9_.:-]++"
_TEL = r"tel:[0-9+*#().-]++"
# In brackets with its parameters, and headers that are not kept (RFC 7044 puts a Reason there); or bare, where
# parameters belong to the entry (RFC 3261, 20.10).
_URI = rf"(?:<((?:{_SIP}|{_TEL}){_PARAMETER}*+)(?:\?[^<>\"]*+)?+>|({_SIP}|{_TEL}))"
_NAME = rf'(?:(?:"([^"\\]*+)"{_BLANK}|((?:[A-Za-z0-9_.-]++{_BLANK})++))(?=<))?+'
_PARAMETERS = rf'((?:{_BLANK};{_BLANK}[A-Za-z-]++(?:=(?:[A-Za-z0-9_.+-]++|"[A-Za-z0-9 _.+-]*+"))?+)*+)'
_NEXT = rf"{_BLANK}(?:,|$)"
_ANY_ENTRY = re.compile(r'(?:[^",<]|"(?:[^"\\]|\\.)*+"|<[^<>]*+>)*+(?:,|$)')
_ENTRY = re.compile(rf"{_BLANK}{_NAME}{_URI}{_PARAMETERS}{_NEXT}", re.ASCII)
_HISTORY_ENTRY = re.compile(
    rf"{_BLANK}{_NAME}{_URI}{_BLANK};{_BLANK}index=(\d++(?:\.\d++)*+)((?:;[a-z]++=[0-9.]++)*+){_NEXT}", re.ASCII
)


def diversion(group: HuntGroup, existing: str, trail: Sequence[Visit] = ()) -> str:
    """
    Return the Diversion header value: the group first, then the entries that were there already.

    Between them stand the groups that the caller overflowed from, the last one first. Of what was there KEPT_MAX
    entries that can be read are kept.
    """
    name = callerid.header_name(group.name)
    shown = f'"{name}" ' if name else ""
    ours = f"{shown}{_group_uri(group)};reason=unconditional;privacy=off;screen=no"
    kept = []
    for match in _entries(_ENTRY, existing):
        quoted, token, uri, bare, parameters = match.groups()
        their_name = callerid.header_name(quoted or token or "")
        shown = f'"{their_name}" ' if their_name else ""
        kept.append(f"{shown}<{uri or bare}>" + re.sub(r"\s+", "", parameters))
    return ", ".join([ours, *map(_overflowed, reversed(trail)), *kept])


def history_info(group: HuntGroup, existing: str) -> str:
    """
    Return the History-Info header value: what was there, then the group as the latest target.

    The index of the group extends that of the entry before it (RFC 7044, 10.3); alone it is 1.
    """
    kept = []
    index = ""
    for match in _entries(_HISTORY_ENTRY, existing):
        _, _, uri, bare, index, parameters = match.groups()
        kept.append(f"<{uri or bare}>;index={index}{parameters}")
    ours = f"{_group_uri(group)};index={index}.1" if index else f"{_group_uri(group)};index=1"
    return ", ".join([*kept, ours])


def _overflowed(visit: Visit) -> str:
    return f"<sip:{visit.group}>;reason={REASONS.get(visit.outcome, 'unknown')};privacy=off;screen=no"


def names_group(number: str, domain: str, their_diversion: str, their_history: str) -> bool:
    """
    Return whether the headers of a call say that it has been at the group with this number already.

    The last entry of a History-Info is where the call goes now (RFC 7044, 10.1): any proxy may have written it.
    """
    uris = [match[3] or match[4] for match in _entries(_ENTRY, their_diversion)]
    uris += [match[3] or match[4] for match in _entries(_HISTORY_ENTRY, their_history)[:-1]]
    return f"sip:{number}@{domain}" in [uri.partition(";")[0].lower() for uri in uris]


def _group_uri(group: HuntGroup) -> str:
    return f"<sip:{group.number}@{group.domain}>"


def _entries(entry: re.Pattern[str], value: str) -> list[re.Match[str]]:
    """Return the well-formed entries of a comma list, at most KEPT_MAX; nothing behind a quote that is left open."""
    found: list[re.Match[str]] = []
    position = 0
    value = value[:HEADER_MAX_CHARS]
    while position < len(value) and len(found) < KEPT_MAX:
        match = entry.match(value, position)
        if match and ENTERPRISE not in match.group():
            found.append(match)
        passed = match or _ANY_ENTRY.match(value, position)
        if not passed:
            break
        position = passed.end()
    return found
