"""The import arrows point one way, and what is pure stays pure."""

from __future__ import annotations

import ast
import configparser
from pathlib import Path

import pytest

from tests.architecture import (
    LAYERS,
    MODULES,
    PACKAGE,
    circles,
    imports,
    is_pure,
    layer,
    ours,
    part,
    shown,
    table,
    tree,
)

NOT_FOR_PURE = {"gevent", "peewee", "socket", "time", "random", "logging", "os", "threading", "subprocess", "secrets"}
"""What waits, reads a clock, a database or a socket, or makes chance."""
WITHOUT_EFFECT = {"esl_huntgroup.errors"}
"""Names only; pure without saying so."""

PURE = sorted(module for module in MODULES if is_pure(module))
OUTSIDE = {f"{PACKAGE}.cli.demo"}


def test_every_package_has_one_layer_and_every_layer_is_there() -> None:
    assert sorted(name for parts in LAYERS for name in parts) == sorted({part(module) for module in MODULES})


def test_every_package_is_installed() -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert setup["options"]["packages"].split() == sorted({*packages, f"{PACKAGE}.db.migrations"})  # which is a link


def test_the_modules_that_decide_say_that_they_are_pure() -> None:
    deciding = {
        "calls.hunt",
        "calls.ring_plan",
        "calls.ring_strategy",
        "calls.dialstring",
        "calls.diversion",
        "calls.call_records",
        "calls.inbound_call",
        "calls.esl_commands",
        "calls.esl_events",
        "recovery.channel_state",
        "registrars.freeswitch",
        "registrars.registrar",
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
def test_nothing_is_pickled(module: str) -> None:
    assert not imports(module) & {"pickle", "marshal", "shelve", "multiprocessing"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_monkey_patched(module: str) -> None:
    assert "gevent.monkey" not in imports(module)
    names = {node.attr for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
    assert not {name for name in names if name.startswith("patch_")}


@pytest.mark.parametrize("module", MODULES)
def test_no_two_modules_import_each_other(module: str) -> None:
    assert not {name for name in ours(module) - {module} if name in MODULES and module in ours(name)}


def test_no_modules_import_one_another_in_a_circle_not_even_for_types() -> None:
    assert circles() == []


def test_the_printed_plan_has_a_line_for_every_package() -> None:
    (heading, *packages, together) = shown(table())
    assert heading.split()[:4] == ["layer", "package", "modules", "lines"]
    assert [line.split()[1] for line in packages] == [name or PACKAGE for names in LAYERS for name in sorted(names)]
    assert together.split()[1] == str(len(MODULES))
