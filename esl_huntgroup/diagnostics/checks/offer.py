"""PURE: whether a switch offers what group calls use: modules, applications, api commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.fsxml import interfaces

MODULES: Final = ("mod_sofia", "mod_dptools", "mod_commands", "mod_dialplan_xml", "mod_event_socket")
MISSING: Final = "Command not found"
"""What a switch says of an api command that it does not have, or refuses."""


class _Interface(msgspec.Struct):
    """An application or an api command; ``ikey`` is the module that it is of."""

    ikey: str
    name: str


class _Interfaces(msgspec.Struct):
    """What ``show … as json`` answers; where there is nothing, it leaves out the rows."""

    rows: tuple[_Interface, ...] = ()


def check_modules(exists: Callable[[str], bool]) -> Iterator[Finding]:
    """Say which of the modules that a group call uses are loaded."""
    missing = [name for name in MODULES if not exists(name)]
    if not missing:
        yield right(f"switch: {', '.join(MODULES)} are loaded")
    for name in missing:
        yield wrong(f"switch: {name} is not loaded; add it to modules.conf.xml, or: load {name}")


def check_offer(applications: str, commands: str) -> Iterator[Finding]:
    """
    Judge the answers to ``show application as json`` and ``show api as json``: the switch offers all that is needed.

    ``interface_allowlist_dump`` would not do: it tells what the modules have, be it refused.
    """
    if MISSING in applications:
        yield wrong(_to_allow(["mod_commands.show.api (what else, cannot be asked without it)"]))
        return
    try:
        offered = {*_names(applications, "app"), *_names(commands, "api")}
    except msgspec.DecodeError:
        yield note("switch: which applications and api commands it offers cannot be read")
        return
    if missing := interfaces.not_in(offered):
        yield wrong(_to_allow(missing))
    else:
        yield right("switch: offers every application and api command that is used")


def _names(answer: str, kind: str) -> Iterator[str]:
    for it in msgspec.json.decode(answer, type=_Interfaces).rows:
        yield f"{it.ikey}.{it.name}.{kind}"


def _to_allow(missing: list[str]) -> str:
    return (
        f"switch: does not offer {', '.join(missing)}: load the module, or add it to <interface-allowlist> in "
        "switch.conf.xml, as freeswitch/README.md has it, and restart FreeSWITCH"
    )
