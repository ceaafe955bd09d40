"""What the documents name is there: modules, files, headings, and the command that runs the tests."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.architecture import LAYERS, MODULES, PACKAGE

ROOT = Path(__file__).parents[2]
OF_THE_CODE = ("CONTRIBUTING.md", "docs/architecture.md")
LINKED = (
    *OF_THE_CODE,
    "README.md",
    "docs/measurements.md",
    "db/README.md",
    "freeswitch/README.md",
    "kamailio/README.md",
)
PACKAGES = {name for names in LAYERS for name in names if name}
NAME = re.compile(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
README_LINES_MAX = 200


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_there(name: str) -> bool:
    """Return whether a dotted name is that of a module of ours, or of something in one."""
    module, _, thing = f"{PACKAGE}.{name}".rpartition(".")
    return f"{module}.{thing}" in MODULES or (module in MODULES and hasattr(importlib.import_module(module), thing))


@pytest.mark.parametrize("document", OF_THE_CODE)
def test_every_module_that_a_document_names_is_there(document: str) -> None:
    named = {name for name in NAME.findall(text(document)) if name.partition(".")[0] in PACKAGES}
    assert {name for name in named if not is_there(name)} == set()


@pytest.mark.parametrize("document", LINKED)
def test_every_link_to_a_file_or_a_heading_leads_there(document: str) -> None:
    for link in LINK.findall(text(document)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_can_be_read_at_once() -> None:
    assert len(text("README.md").splitlines()) < README_LINES_MAX


def test_the_readme_names_the_command_that_ci_runs() -> None:
    assert "\n./run-tests\n" in text("README.md")
    assert '/run-tests"' in text(".ci/run")
