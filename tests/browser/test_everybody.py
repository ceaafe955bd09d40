"""For everybody, and safe: axe finds nothing, nothing is cut off at 320 px, and no caller gets a script to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from esl_huntgroup.db.engine import execute
from esl_huntgroup.web import clock
from tests.browser.conftest import HEBREW, HOSTILE
from tests.browser.firm import Firm

Look = Callable[..., Any]
PATHS = ("/", "/groups/1", "/groups/1/now", "/groups/1/statistics", "/account", "/api/v1/", "/nothing")
SIZES = {"wide": {"width": 1200}, "320 px": {"width": 320}, "200 %": {"width": 640, "scale": 2}}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def hostile(firm: Firm) -> Iterator[list[str]]:
    """Let everybody who is hostile call, and bear such names in the firm, too."""
    ids = []
    for number, text in enumerate(HOSTILE):
        at_ms = clock.now_ms() - 60_000 * (number + 1)
        ids.append(firm.missed(text[:128], text[:128], at_ms))
        ids.append(firm.taken(text[:128], text[:128], at_ms - 30_000, "Bernd Cordes"))
    for text, call_id in zip((text for text in HOSTILE for _ in range(2)), ids, strict=True):
        values = (text[:128], text[:128], call_id)
        execute(firm.db, "UPDATE calls SET group_name = ?, answered_by_name = ? WHERE call_id = ?", values)
        execute(firm.db, "UPDATE journal_entries SET user_name = ? WHERE call_id = ?", (text[:128], call_id))
        execute(firm.db, "UPDATE legs SET line = ? WHERE call_id = ?", (text[:128], call_id))
    yield ids
    for call_id in ids:
        execute(firm.db, "DELETE FROM calls WHERE call_id = ?", (call_id,))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(look: Look, firm: Firm, axe: str, size: str, *, dark: bool) -> None:
    firm.ring("0302312506", "Klingelt für axe")
    call_id = firm.missed("0302312507", "Offen für axe", clock.now_ms() - 1000)
    page = look("bernd", dark=dark, **SIZES[size])
    for path in (*PATHS, f"/calls/{call_id}"):
        page.goto(f"{firm.url}{path}")
        if path == "/":
            page.locator("#days .open").first.click()
            page.locator(".details").wait_for()
        page.evaluate(axe)
        found = page.evaluate(
            "rules => axe.run(document, {runOnly: rules}).then(it => it.violations.map("
            "one => one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | ')))",
            RULES,
        )
        assert found == [], f"{path}, {size}"


@pytest.mark.parametrize("size", SIZES)
def test_nothing_has_to_be_scrolled_sideways(look: Look, firm: Firm, hostile: list[str], size: str) -> None:
    page = look("bernd", **SIZES[size])
    for path in (*PATHS, f"/calls/{hostile[0]}", f"/calls/{hostile[13]}"):
        page.goto(f"{firm.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_no_caller_gets_a_script_to_run_or_a_row_of_another_shape(look: Look, firm: Firm, hostile: list[str]) -> None:
    page = look("bernd", "/groups/1")
    for path in ("/", "/groups/1", *(f"/calls/{call_id}" for call_id in hostile)):
        page.goto(f"{firm.url}{path}")
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("main img, main script, main iframe").count() == 0, path
    page.goto(f"{firm.url}/")
    for call_id in hostile:
        page.locator(f"#call-{call_id} .open").click()
        page.locator(f"#call-{call_id} .details").wait_for()
        assert page.locator(f"#call-{call_id}").bounding_box()["width"] < 1200
    assert page.evaluate("window.pwned") is None
    shown = page.locator("main").inner_text()
    assert "<script>window.pwned=1</script>" in shown
    assert not {"\N{RIGHT-TO-LEFT OVERRIDE}", "\N{LEFT-TO-RIGHT OVERRIDE}"} & set(shown)


def test_names_of_callers_who_ring_now_are_as_harmless(look: Look, firm: Firm) -> None:
    page = look("anna")
    page.locator("#live[data-live=on]").wait_for()
    for text in HOSTILE:
        call_id = firm.ring(text[:128], text[:128])
        page.locator(f"#ringing #call-{call_id}").wait_for()
        firm.miss(call_id)
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main script, main iframe").count() == 0


def test_a_name_from_right_to_left_leaves_its_neighbours_in_place(look: Look, firm: Firm, hostile: list[str]) -> None:
    page = look("dora")
    said = page.locator(f"#call-{hostile[2 * HOSTILE.index(HEBREW) + 1]} .said")
    assert said.locator("bdi").inner_text() == HEBREW
    left = "it => it.querySelector('bdi').getBoundingClientRect().left - it.getBoundingClientRect().left"
    assert said.evaluate(left) > 50, "the name stands behind the words"


def test_targets_are_large_enough(look: Look) -> None:
    page = look("anna", width=320)
    sizes = page.locator("button:visible, a.button:visible, .nav a, select, input[type=search]").evaluate_all(
        "them => them.map(it => [it.textContent.trim(), it.getBoundingClientRect().height])"
    )
    assert len(sizes) > 8
    assert [it for it in sizes if it[1] < 24] == []
