"""The journal while it is open: calls ring, are answered and end, and the page says so without being loaded again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from esl_huntgroup.web import clock
from tests.browser.firm import Firm

Look = Callable[..., Any]
expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def live(page: Any) -> Any:
    page.locator("#live[data-live=on]").wait_for()
    return page


def test_a_call_rings_and_is_answered_while_three_people_watch(firm: Firm, look: Look) -> None:
    anna, bernd, frieda = live(look("anna")), live(look("bernd", "/groups/1")), live(look("frieda"))
    call_id = firm.ring("0302312500", "Ruft gerade an")
    for page in (anna, bernd):
        ringing = page.locator(f"#ringing #call-{call_id}")
        ringing.wait_for()
        assert "at Anna Berg, Bernd Cordes" in ringing.inner_text()
    assert "Ruft gerade an" in anna.locator("#announce").inner_text()
    waiting = anna.locator(f"#call-{call_id} [data-since]")
    expect(waiting).not_to_have_text(waiting.inner_text())
    firm.answer(call_id, "Bernd Cordes")
    for page in (anna, bernd):
        page.locator(f"#days #call-{call_id}").wait_for()
        assert page.locator("#ringing .row").count() == 0
    assert "spoken with Bernd Cordes" in anna.locator(f"#call-{call_id}").inner_text()
    assert "answered" in bernd.locator(f"#call-{call_id}").inner_text()
    assert "still talking" in anna.locator(f"#call-{call_id}").inner_text()
    firm.end(call_id, 61_000)
    anna.locator(f"#call-{call_id} .talk", has_text="1:01").wait_for()
    assert frieda.locator(f"#call-{call_id}").count() == 0


def test_a_missed_call_is_counted_in_the_title(firm: Firm, look: Look) -> None:
    page = live(look("anna"))
    before = firm.unhandled_of("Anna Berg")
    call_id = firm.ring("0302312501", "Verpasst")
    page.locator(f"#ringing #call-{call_id}").wait_for()
    firm.miss(call_id)
    expect(page).to_have_title(re.compile(rf"\({before + 1}\) "))
    assert page.locator(f"#days #call-{call_id}.is-unhandled").count() == 1


def test_a_missed_call_that_a_colleague_calls_back_is_handled_on_every_page_without_a_click(
    firm: Firm, look: Look
) -> None:
    firm.follow()  # what the days before have handled
    call_id = firm.missed("0302312511", "Wartet auf Rückruf", clock.now_ms() - 60_000)
    again = firm.missed("0302312512", "Ruft noch einmal an", clock.now_ms() - 60_000)
    anna, bernd = live(look("anna")), live(look("bernd", language="de-DE"))
    before = firm.unhandled_of("Anna Berg")
    firm.call_back("Bernd Cordes", "+49 30 2312511")
    for page, words in ((anna, "called back by Bernd Cordes"), (bernd, "zurückgerufen von Bernd Cordes")):
        expect(page.locator(f"#call-{call_id} .handled")).to_contain_text(words)
        expect(page.locator(f"#call-{call_id}")).not_to_have_class(re.compile("is-unhandled"))
    expect(anna).to_have_title(re.compile(rf"^\({before - 1}\) "))
    firm.taken("0302312512", "Ruft noch einmal an", clock.now_ms())
    firm.follow()
    expect(anna.locator(f"#call-{again} .handled")).to_contain_text("called again, spoken with Anna Berg")


def test_focus_and_what_is_open_stay_when_a_row_changes(firm: Firm, look: Look) -> None:
    call_id = firm.ring("0302312502", "Bleibt offen")
    page = live(look("anna"))
    page.locator(f"#call-{call_id} .open").click()
    page.locator(f"#call-{call_id} .details").wait_for()
    firm.answer(call_id)
    page.locator(f"#days #call-{call_id}").wait_for()
    details = page.locator(f"#call-{call_id} .details")
    assert details.count() == 1
    details.get_by_text("spoken with Anna Berg").wait_for()
    assert page.evaluate("document.activeElement.closest('.row')?.dataset.call") == call_id


def test_a_page_catches_up_after_the_web_process_was_gone(firm: Firm, look: Look) -> None:
    page = live(look("anna"))
    firm.stop()
    page.locator("#live[data-live=off]").wait_for()
    call_id = firm.ring("0302312503", "Unterdessen")
    firm.answer(call_id)
    firm.start()
    page.locator(f"#days #call-{call_id}").wait_for()
    live(page)
    assert page.locator(f"#call-{call_id}").count() == 1


def test_a_filtered_page_does_not_take_in_what_comes_now(firm: Firm, look: Look) -> None:
    page = live(look("anna", "/?kind=missed"))
    call_id = firm.ring("0302312504", "Nicht gefragt")
    page.locator(f"#ringing #call-{call_id}").wait_for()
    firm.answer(call_id)
    page.locator(f"#call-{call_id}").wait_for(state="detached")


def test_nothing_moves_for_whoever_wants_that(firm: Firm, look: Look) -> None:
    page = live(look("anna", reduced_motion="reduce"))
    call_id = firm.ring("0302312505", "Ganz ruhig")
    bell = page.locator(f"#ringing #call-{call_id} .sign svg")
    bell.wait_for()
    assert bell.evaluate("it => getComputedStyle(it).animationName") == "none"
    firm.miss(call_id)
