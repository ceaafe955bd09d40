"""The import arrows point one way, and what is pure stays pure."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

import esl_huntgroup

ROOT = Path(esl_huntgroup.__file__).parent
PACKAGE = ROOT.name
MODULES = {
    ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}

LAYERS = (
    {"__main__"},
    {"cli"},
    {"simulator"},
    {"diagnostics"},
    {"service"},
    {"recovery"},
    {"calls"},
    {"registrars"},
    {"journal"},
    {"provisioning"},
    {"settings"},
    {"db", "esl", "fsxml"},
    {"model"},
    {"errors", "logs", ""},
)
"""From the top down. Every package stands in exactly one layer; packages of one layer do not know each other."""
NOT_FOR_PURE = {"gevent", "peewee", "socket", "time", "random", "logging", "os", "threading", "subprocess", "secrets"}
"""What waits, reads a clock, a database or a socket, or makes chance."""
WITHOUT_EFFECT = {"esl_huntgroup.errors"}
"""Names only; pure without saying so."""


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str) -> set[str]:
    """Return the modules that a module imports, wherever it does; of the package itself with their full names."""
    return {found for node in ast.walk(tree(module)) for found in _imported(node)}


def needs(module: str) -> set[str]:
    """Return the modules that a module imports when it runs, so without those that it only names as types."""
    return {found for node in _nodes(tree(module)) for found in _imported(node)}


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    is_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    for child in () if is_for_types else ast.iter_child_nodes(node):
        yield from _nodes(child)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name the whole way"
        source = node.module or ""
        for alias in node.names:
            full = f"{source}.{alias.name}"
            yield full if full in MODULES else source


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.partition(".")[0] == PACKAGE}


def part(module: str) -> str:
    """Return the part of the package that a module is in: ``cli`` for ``esl_huntgroup.cli.db``."""
    return [*module.split("."), ""][1]


def layer(module: str) -> int:
    (level,) = [level for level, parts in enumerate(LAYERS) if part(module) in parts]
    return level


def is_pure(module: str) -> bool:
    return (ast.get_docstring(tree(module)) or "").startswith("PURE")


PURE = sorted(module for module in MODULES if is_pure(module))
OUTSIDE = {f"{PACKAGE}.cli.demo"}


def test_every_package_has_one_layer_and_every_layer_is_there() -> None:
    assert sorted(name for parts in LAYERS for name in parts) == sorted({part(module) for module in MODULES})


def test_the_modules_that_decide_say_that_they_are_pure() -> None:
    deciding = {
        "calls.hunt",
        "calls.ring_plan",
        "calls.dialstring",
        "calls.diversion",
        "calls.call_records",
        "calls.inbound_call",
        "calls.esl_commands",
        "calls.esl_events",
        "recovery.channel_state",
        "model.hangup_causes",
        "model.outcome",
        "model.permissions",
        "esl.wire",
    }
    assert {f"{PACKAGE}.{name}" for name in deciding} <= set(PURE)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module: str) -> None:
    above_or_beside = {
        name
        for name in ours(module)
        if part(name) != part(module) and layer(name) <= layer(module) and name != f"{PACKAGE}.__init__"
    }
    assert not above_or_beside


@pytest.mark.parametrize("module", [module for module in MODULES if part(module) == "esl"])
def test_the_event_socket_knows_nothing_of_calls(module: str) -> None:
    assert {part(name) for name in ours(module)} <= {"esl", "errors", "model"}


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_imports_nothing_that_waits_or_makes_chance(module: str) -> None:
    assert not {name.partition(".")[0] for name in imports(module)} & NOT_FOR_PURE


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_imports_only_what_is_pure(module: str) -> None:
    assert ours(module) <= {*PURE, *WITHOUT_EFFECT}


def test_the_errors_import_nothing() -> None:
    assert imports("esl_huntgroup.errors") == {"__future__"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_the_tests(module: str) -> None:
    assert "tests" not in {name.partition(".")[0] for name in imports(module)}


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) != "simulator" and name not in OUTSIDE])
def test_only_the_demo_imports_the_simulator(module: str) -> None:
    assert "simulator" not in {part(name) for name in ours(module)}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_monkey_patched(module: str) -> None:
    assert "gevent.monkey" not in imports(module)
    names = {node.attr for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
    assert not {name for name in names if name.startswith("patch_")}


@pytest.mark.parametrize("module", MODULES)
def test_no_two_modules_import_each_other(module: str) -> None:
    assert not {name for name in needs(module) - {module} if name in MODULES and module in needs(name)}
