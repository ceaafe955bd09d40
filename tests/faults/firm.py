"""Who works here, what the phones do, and what becomes of a call to each group when nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esl_huntgroup.simulator.phones import (
    BUSY,
    RINGING,
    Phone,
    Script,
    answering,
    registered,
    rejecting,
    unregistered,
)

DOMAIN = "example.org"
WATCHDOG_S = 8
"""As in the dialplan that is shipped."""
RING_TIMEOUT_S = 5
"""The shortest that a group can have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of call: a group of its own, and what its caller does.

    ``phones`` has a script for each member, None for one that is not registered. ``outcome`` is that of the journal,
    and empty where no row is written. ``talks_s`` None: the member hangs up.
    """

    name: str
    number: str
    phones: tuple[Script | None, ...]
    outcome: str
    talks_s: float | None = 0.5
    gives_up_s: float | None = None
    hunt_mode: str = "softphone"
    overflow: Mapping[str, Any] = field(default_factory=dict)

    @property
    def members(self) -> tuple[str, ...]:
        """The members' names as people read them, in order."""
        return tuple(f"{self.name} {letter}" for letter, _ in zip("ABC", self.phones, strict=False))

    @property
    def shortest_talk_s(self) -> float:
        """How long a conversation is at least, unless somebody breaks it."""
        if self.talks_s is not None:
            return self.talks_s
        return min((script.talks_s for script in self.phones if script and script.talks_s), default=0.0)


ANSWERED = Kind("answered", "710", (answering(0.3), RINGING, None), "answered")
KINDS = (
    ANSWERED,
    Kind("two answer at once", "711", (answering(0.25), answering(0.25)), "answered"),
    Kind("member hangs up", "712", (RINGING, answering(0.2, talks_s=0.4)), "answered", talks_s=None),
    Kind("all busy", "713", (BUSY, rejecting(0.2)), "all_busy"),
    Kind(
        "nobody registered", "714", (None, None), "nobody_registered", overflow={"nobody_registered": {"respond": 410}}
    ),
    Kind("no answer", "715", (RINGING, RINGING), "no_answer"),
    Kind("caller gives up", "716", (RINGING, None, RINGING), "caller_gone", gives_up_s=0.8),
    Kind("group disabled", "717", (RINGING,), "group_disabled", hunt_mode="disabled"),
    Kind("transferred", "718", (BUSY,), "all_busy", overflow={"all_busy": {"transfer": "500 XML public"}}),
    Kind("unknown number", "799", (), ""),
)
"""What calls of every day are."""

PHASES = {
    name: Kind(name, number, (RINGING, RINGING, None), "answered", talks_s=talks_s)
    for name, number, talks_s in (
        ("connecting", "701", 0.5),
        ("asking", "702", 0.5),
        ("ringing", "703", 0.5),
        ("answering", "704", 1.5),
        ("talking", "705", 4.0),
        ("ending", "706", None),
    )
}
"""The phases of a call; the first phone of such a group answers when a test tells it to."""

_GROUPS = (*PHASES.values(), *(kind for kind in KINDS if kind.phones))


def _account(kind: Kind, position: int) -> str:
    return f"{kind.number}{position}"


def document() -> dict[str, Any]:
    """Return the firm as a file for ``esl-huntgroup load``."""
    users = [
        {"name": _account(kind, at), "display_name": name, "lines": [{"number": _account(kind, at)}]}
        for kind in _GROUPS
        for at, name in enumerate(kind.members)
    ]
    return {"users": users, "groups": [_group(kind) for kind in _GROUPS]}


def _group(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "number": kind.number,
        "hunt_mode": kind.hunt_mode,
        "ring_timeout_s": RING_TIMEOUT_S,
        "lamp": "true",
        "members": [_account(kind, at) for at, _ in enumerate(kind.phones)],
        "overflow": dict(kind.overflow),
    }


def phones() -> dict[str, tuple[Phone, ...]]:
    """Return new phones: kind of call → those of its members, in order."""
    return {
        kind.name: tuple(
            _phone(kind, at, name, script)
            for at, (name, script) in enumerate(zip(kind.members, kind.phones, strict=True))
        )
        for kind in _GROUPS
    }


def _phone(kind: Kind, position: int, name: str, script: Script | None) -> Phone:
    address = f"{_account(kind, position)}@{DOMAIN}"
    if script is None:
        return unregistered(name, address)
    return registered(name, address, script, port=10_000 + int(_account(kind, position)))


MEMBER = _account(_GROUPS[0], 0)
"""The name of a user whom calls ring."""
