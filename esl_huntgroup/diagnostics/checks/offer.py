"""PURE: whether a switch offers what group calls use: modules, applications, api commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.fsxml import interfaces

MODULES: Final = ("mod_sofia", "mod_dptools", "mod_commands", "mod_dialplan_xml", "mod_event_socket")
MISSING: Final = "Command not found"
"""What a switch says of an api command that it does not have, or refuses."""


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
    except (ValueError, LookupError, TypeError, AttributeError):
        yield note("switch: which applications and api commands it offers cannot be read")
        return
    if missing := interfaces.not_in(offered):
        yield wrong(_to_allow(missing))
    else:
        yield right("switch: offers every application and api command that is used")


def _names(answer: str, kind: str) -> Iterator[str]:
    for row in json.loads(answer).get("rows", ()):
        yield f"{row['ikey']}.{row['name']}.{kind}"


def _to_allow(missing: list[str]) -> str:
    return (
        f"switch: does not offer {', '.join(missing)}: load the module, or add it to <interface-allowlist> in "
        "switch.conf.xml, as freeswitch/README.md has it, and restart FreeSWITCH"
    )
