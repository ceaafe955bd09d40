"""
The plan of the program, read from its source: packages, their layers, who imports whom, and how large they are.

    python -m tests.architecture

prints it; ``tests/unit/test_architecture.py`` holds the program to it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import esl_huntgroup

ROOT: Final = Path(esl_huntgroup.__file__).parent
PACKAGE: Final = ROOT.name
MODULES: Final = {
    ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
"""The file of each module, by its full name."""

LAYERS: Final = (
    {"__main__"},
    {"cli"},
    {"simulator"},
    {"web"},
    {"diagnostics"},
    {"service"},
    {"lamps", "recovery"},
    {"calls"},
    {"registrars"},
    {"journal"},
    {"provisioning"},
    {"settings"},
    {"db", "esl", "fsxml", "processes"},
    {"model"},
    {"errors", "logs", ""},
)
"""From the top down. Every package stands in exactly one layer; packages of one layer do not know each other."""


# -- what a module says of itself -------------------------------------------------------------------------------------


@functools.cache
def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@functools.cache
def imports(module: str) -> frozenset[str]:
    """Return the modules that a module imports, wherever it does, also for types only; ours with their full names."""
    return frozenset(found for node in ast.walk(tree(module)) for found in _imported(node))


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
    """Return the modules of the program that a module imports."""
    return {name for name in imports(module) if name.partition(".")[0] == PACKAGE}


def part(module: str) -> str:
    """Return the package that a module is in: ``cli`` for ``esl_huntgroup.cli.db``, nothing for the root itself."""
    return [*module.split("."), ""][1]


def layer(module: str) -> int:
    """Return the layer of a module, counted from the top. Raises ValueError if its package is in none, or in two."""
    (level,) = [level for level, parts in enumerate(LAYERS) if part(module) in parts]
    return level


def is_pure(module: str) -> bool:
    """Return whether a module says that it decides and does nothing else."""
    return (ast.get_docstring(tree(module)) or "").startswith("PURE")


def lines(module: str) -> int:
    """Return how many lines a module has."""
    return len(MODULES[module].read_text(encoding="utf-8").splitlines())


# -- what they are together -------------------------------------------------------------------------------------------


def circles() -> list[list[str]]:
    """Return the modules that import one another, directly or by way of others, each such circle once."""
    reached = {module: _reached(module) for module in MODULES}
    found = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in MODULES
        if module in reached[module]
    }
    return [list(circle) for circle in sorted(found)]


def _reached(start: str) -> set[str]:
    reached: set[str] = set()
    ahead = ours(start)
    while ahead:
        reached |= ahead
        ahead = {name for module in ahead & MODULES.keys() for name in ours(module)} - reached
    return reached


def arrows(package: str, modules: Iterable[str] = MODULES) -> list[str]:
    """Return the other packages that a package imports from, from the top down."""
    found = {name for module in modules if part(module) == package for name in ours(module)}
    return sorted({part(name) for name in found} - {package, ""}, key=lambda name: (_level(name), name))


def _level(package: str) -> int:
    return layer(f"{PACKAGE}.{package}")


def table() -> list[tuple[str, ...]]:
    """Return a row for each package, from the top down: layer, name, modules, lines, longest module, arrows."""
    rows: list[tuple[str, ...]] = [("layer", "package", "modules", "lines", "longest module", "imports from")]
    for level, packages in enumerate(LAYERS):
        rows += [_row(level, package) for package in sorted(packages)]
    total = sum(lines(module) for module in MODULES)
    return [*rows, ("", "together", str(len(MODULES)), str(total), "", "")]


def _row(level: int, package: str) -> tuple[str, ...]:
    modules = [module for module in MODULES if part(module) == package]
    longest = max(modules, key=lines)
    return (
        str(level + 1),
        package or PACKAGE,
        str(len(modules)),
        str(sum(lines(module) for module in modules)),
        f"{longest.removeprefix(f'{PACKAGE}.')} {lines(longest)}",
        " ".join(arrows(package)),
    )


def shown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def main() -> None:
    """Print the plan."""
    print("\n".join(shown(table())))
    print()
    print("modules that import one another: " + ("; ".join(map(", ".join, circles())) or "none"))


if __name__ == "__main__":
    main()
