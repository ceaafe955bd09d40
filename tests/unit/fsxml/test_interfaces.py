"""What an administrator allows is what is used: every command in the code and the dialplan, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from esl_huntgroup.calls import esl_commands, leg_report
from esl_huntgroup.calls.joining import Joining
from esl_huntgroup.calls.ring_plan import RingPlan
from esl_huntgroup.fsxml import interfaces
from esl_huntgroup.registrars import contacts, registrations
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from tests.unit.examples import group, inbound

PROJECT = Path(__file__).parents[3]
README = PROJECT / "freeswitch" / "README.md"
DIALPLAN = PROJECT / "freeswitch" / "dialplan" / "00_huntgroup.xml"
SOURCES = sorted(
    path for path in (PROJECT / "esl_huntgroup").rglob("*.py") if "simulator" not in path.relative_to(PROJECT).parts
)

PLACEHOLDER = "X"
"""What stands for a part that is known only when the program runs."""
METHODS = ("api", "call_command")
"""``execute`` is a method as well, but of databases only."""
BUILT_ELSEWHERE = {
    "question": contacts.question("1001@x", "m"),
    "_end_ringing(call_id)": "hupall X",
    "line": registrations.question("internal", "1001"),
    "profiles.PROFILES": "xml_locate",
}
"""Where an api command is not written where it is sent: how that reads → such a command."""


def sent(function: str) -> Iterator[str]:
    """Return what the code hands to ``api`` or ``execute`` of the event socket, wherever it does."""
    for tree in (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES):
        if not _has(tree, function):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _is_called(node.func, function):
                yield _text(node.args[0])


def _has(tree: ast.Module, function: str) -> bool:
    """Whether a module has this function from ``esl.wire``, not that of a database; ``.api`` is a method as well."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return function in METHODS or any(
        node.module == "esl_huntgroup.esl.wire" and function in {it.name for it in node.names} for node in imports
    )


def _is_called(node: ast.expr, function: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == function
    return function in METHODS and isinstance(node, ast.Attribute) and node.attr == function


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)
    return BUILT_ELSEWHERE.get(ast.unparse(node), ast.unparse(node))


def commands_in(text: str) -> set[str]:
    """Return the api commands that the switch runs for this one: itself, what it schedules, what it expands."""
    words = text.split(" ")
    found = {words[0], *re.findall(r"\$\{(\w+)\(", text)}
    if words[0] == "sched_api":
        found |= commands_in(" ".join(words[3:]))
    if words[0] == "expand":
        found |= commands_in(" ".join(words[2 if words[1].startswith("uuid:") else 1 :]))
    return found


def commands_of_the_code() -> set[str]:
    found = {command for text in sent("api") for command in commands_in(text)}
    later = (esl_commands.set_guard("X", 9), esl_commands.end_ringing_later("X", 9, "X"))
    found |= {command for task in later for command in commands_in(task.decode().strip().removeprefix("api "))}
    return found - {PLACEHOLDER} | commands_in(leg_report.ring_note("X", "X", "0001"))


def actions_of_the_dialplan() -> list[tuple[str, str]]:
    actions = ElementTree.parse(DIALPLAN).getroot().iter("action")
    return [(action.get("application", ""), action.get("data", "")) for action in actions]


def commands_of_the_dialplan() -> set[str]:
    text = " ".join(data for _, data in actions_of_the_dialplan())
    called = [it for call in re.findall(r"\$\{(\w+\([^)]*\))\}", text) for it in commands_in(call.replace("(", " ", 1))]
    return {*called, *re.findall(r"api_on_\w+=(\w+)", text)}


def test_every_api_command_that_is_sent_is_in_the_list_and_no_other() -> None:
    assert commands_of_the_code() | commands_of_the_dialplan() == interfaces.names_of("api")


def test_every_application_that_is_run_is_in_the_list_and_no_other() -> None:
    of_the_dialplan = {application for application, _ in actions_of_the_dialplan()}
    # ``call_command`` hands its own argument on.
    of_the_code = {*sent("execute"), *sent("call_command")} - {"app_name"}
    # An answered late phone executes these by the dialplan ``inline``.
    ring = Joining("X", inbound()).ring(group(), RingPlan((), ()), (), {}, FREESWITCH)
    of_the_code |= {application.partition(":")[0] for application in ring.joins.split(",")}
    assert of_the_dialplan | of_the_code == interfaces.names_of("app")


def test_no_name_is_twice_in_the_list() -> None:
    assert len(list(interfaces.needed())) == len(set(interfaces.needed()))


def test_the_list_is_what_the_administrator_reads() -> None:
    assert interfaces.allowlist() in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["mod_dptools.bridge.app", "mod_sofia.sofia_contact.api"])
def test_what_a_switch_does_not_offer_is_named(name: str) -> None:
    offered = {*interfaces.needed(), "mod_dptools.park.app"}
    assert interfaces.not_in(offered) == []
    assert interfaces.not_in(offered - {name}) == [name]
