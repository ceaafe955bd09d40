"""
PURE: the applications and api commands of FreeSWITCH that group calls, the second witness, lamps and the commands need.

FreeSWITCH from 1.11.2 refuses, where ``switch.conf.xml`` has an ``<interface-allowlist>``, whatever is not in it.
This is the only place that says what has to be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

CALLS: Final = "a group call"
JOINING: Final = "ringing calls that can be joined"
WITNESS: Final = "the second witness"
LAMPS: Final = "the lamps of groups"
COMMANDS: Final = "check and explain"

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    CALLS: (
        "mod_dptools.set.app",
        "mod_dptools.multiset.app",
        "mod_dptools.unset.app",
        "mod_dptools.bridge.app",
        "mod_dptools.transfer.app",
        "mod_dptools.respond.app",
        "mod_dptools.sleep.app",
        "mod_dptools.sched_cancel.app",
        "mod_dptools.strepoch.api",
        "mod_event_socket.socket.app",
        "mod_commands.cond.api",
        "mod_commands.expand.api",
        "mod_commands.hupall.api",
        "mod_commands.msleep.api",
        "mod_commands.sched_api.api",
        "mod_commands.sched_del.api",
        "mod_commands.uuid_dump.api",
        "mod_commands.uuid_exists.api",
        "mod_commands.uuid_getvar.api",
        "mod_commands.uuid_ring_ready.api",
        "mod_commands.uuid_setvar_multi.api",
        "mod_commands.uuid_transfer.api",
        "mod_sofia.sofia_contact.api",
    ),
    JOINING: (
        "mod_dptools.pickup.app",
        "mod_dptools.answer.app",
        "mod_dptools.pre_answer.app",
        "mod_dptools.gentones.app",
        "mod_commands.originate.api",
        "mod_commands.uuid_bridge.api",
        "mod_commands.uuid_kill.api",
    ),
    WITNESS: (
        "mod_commands.show.api",
        "mod_commands.switchname.api",
    ),
    LAMPS: ("mod_dptools.presence.api",),
    COMMANDS: (
        "mod_commands.echo.api",
        "mod_commands.fsctl.api",
        "mod_commands.module_exists.api",
        "mod_commands.version.api",
        "mod_commands.xml_locate.api",
        "mod_sofia.sofia.api",
    ),
}
"""Who needs what: the key is for the reader, a name is MODULE.INTERFACE.KIND, as the switch writes it."""


def needed() -> Iterator[str]:
    """Return every name that the allowlist must have."""
    for names in NEEDED.values():
        yield from names


def names_of(kind: str) -> set[str]:
    """Return the names of what is needed of a kind, ``app`` or ``api``, without their modules."""
    return {name.split(".")[1] for name in needed() if name.endswith(f".{kind}")}


def not_in(offered: Collection[str]) -> list[str]:
    """Return what is needed and not among the names of what a switch offers."""
    return [name for name in needed() if name not in offered]


def allowlist() -> str:
    """Return what is needed in the form of ``switch.conf.xml``."""
    return "\n".join(["<interface-allowlist>", *_lines(), "</interface-allowlist>"])


def _lines() -> Iterable[str]:
    for who, names in NEEDED.items():
        yield f"  <!-- {who} -->"
        yield from (f'  <allow name="{name}"/>' for name in names)
