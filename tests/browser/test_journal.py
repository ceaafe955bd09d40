"""The journal as people use it: to read, filter, page, open, handle, by mouse, by keyboard and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from esl_huntgroup.web import clock
from tests.browser.firm import Firm

Look = Callable[..., Any]
expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
HOUR_MS = 3_600_000


def rows(page: Any) -> Any:
    return page.locator("#days .row")


def test_the_journal_says_by_sign_and_words_what_became_of_each_call(firm: Firm, look: Look) -> None:
    firm.taken("0302312599", "Blaue Frau", clock.now_ms() - 2 * HOUR_MS, "Bernd Cordes")
    firm.missed("0302312598", "Fette Frau", clock.now_ms() - HOUR_MS)
    page = look("anna")
    blue = page.locator(".row-answered_elsewhere", has_text="Blaue Frau")
    assert blue.locator(".said").inner_text() == "spoken with Bernd Cordes"
    expect(blue.locator(".said")).to_have_css("color", "rgb(26, 84, 194)")
    bold = page.locator(".row-missed", has_text="Fette Frau")
    assert bold.locator(".said").inner_text() == "missed"
    expect(bold.locator(".open")).to_have_css("font-weight", "700")
    signs = {
        kind: page.locator(f".row-{kind} .sign path").first.get_attribute("d")
        for kind in ("answered", "answered_elsewhere", "missed")
    }
    assert len(set(signs.values())) == 3
    assert page.locator(".day h2").nth(1).inner_text().startswith("Today, ")
    when = bold.locator("time").first
    assert re.fullmatch(r"\w+, \d+ \w+ \d{4}, \d\d:\d\d:\d\d", when.get_attribute("title"))


def test_the_number_of_calls_that_nobody_has_dealt_with_stands_in_the_title(firm: Firm, look: Look) -> None:
    firm.missed("0302312597", "Titel", clock.now_ms() - HOUR_MS)
    number = firm.unhandled_of("Anna Berg")
    assert 0 < number < 100
    assert look("anna").title() == f"({number}) My journal – Group calls"


def test_filters_stand_in_the_address(firm: Firm, look: Look) -> None:
    page = look("anna")
    with page.expect_navigation():
        page.get_by_label("Kind").select_option("missed")
    assert "kind=missed" in page.url
    kinds = rows(page).evaluate_all("them => them.map(it => it.className)")
    assert kinds
    assert all("row-missed" in kind for kind in kinds)
    page.get_by_role("link", name="Show all").click()
    assert rows(page).count() == 50
    page.get_by_label("Not handled").check()
    page.wait_for_url("**unhandled=1**")
    assert rows(page).count() == min(firm.unhandled_of("Anna Berg"), 50)


def test_days_can_be_chosen_and_stay_with_the_other_filters(firm: Firm, look: Look) -> None:
    page = look("anna")
    page.locator("summary", has_text="Days").click()
    day = rows(page).last.get_attribute("data-day")
    page.get_by_label("First day").fill(day)
    page.get_by_label("Last day").fill(day)
    with page.expect_navigation():
        page.get_by_role("button", name="Show").click()
    assert set(rows(page).evaluate_all("them => them.map(it => it.dataset.day)")) == {day}
    with page.expect_navigation():
        page.get_by_label("Kind").select_option("answered")
    assert f"from={day}&until={day}" in page.url


def test_an_address_that_is_wrong_gets_one_clear_sentence(look: Look) -> None:
    page = look("anna", "/?period=always")
    assert "today, yesterday, week, month are accepted" in page.locator("main").inner_text()


def test_pages_lead_back_to_the_first_call_and_show_each_once(firm: Firm, look: Look) -> None:
    page, seen = look("anna"), list[str]()
    while True:
        seen += rows(page).evaluate_all("them => them.map(it => it.dataset.call)")
        older = page.get_by_role("link", name="Older calls")
        if not older.count():
            break
        with page.expect_navigation():
            older.click()
    assert len(seen) == len(set(seen)) == firm.entries_of("Anna Berg")
    assert seen == sorted(seen, reverse=True)
    with page.expect_navigation():
        page.get_by_role("link", name="Newer calls").click()
    assert rows(page).first.get_attribute("data-call") in seen


def test_a_row_opens_to_its_members_and_phones(firm: Firm, look: Look) -> None:
    call_id = firm.missed("0302312596", "Zum Öffnen", clock.now_ms() - HOUR_MS)
    page = look("bernd")
    row = page.locator(f"#call-{call_id}")
    row.locator(".open").click()
    details = row.locator(".details")
    details.wait_for()
    assert "1001@demo.local" in details.inner_text()
    assert "was transferred to 4711" in details.inner_text()
    assert page.url == f"{firm.url}/"
    assert row.locator(".open").get_attribute("aria-expanded") == "true"
    row.locator(".open").click()
    assert details.count() == 0


def test_one_handles_a_call_and_takes_that_back_and_the_others_see_it_at_once(firm: Firm, look: Look) -> None:
    call_id = firm.missed("0302312595", "Zu erledigen", clock.now_ms() - HOUR_MS)
    anna, bernd = look("anna"), look("bernd")
    before = firm.unhandled_of("Anna Berg")
    bernd.locator("#live[data-live=on]").wait_for()
    row = anna.locator(f"#call-{call_id}")
    row.get_by_role("button").click()
    row.locator(".handled").wait_for()
    assert "handled by Anna Berg" in row.inner_text()
    expect(anna).to_have_title(re.compile(rf"\({before - 1}\) "))
    assert anna.evaluate("document.activeElement.textContent").strip().endswith("Reopen")
    theirs = bernd.locator(f"#call-{call_id}")
    theirs.locator(".handled").wait_for()
    assert "handled by Anna Berg" in theirs.inner_text()
    theirs.get_by_role("button").click()
    row.locator(".handled").wait_for(state="detached")
    expect(anna).to_have_title(re.compile(rf"\({before}\) "))


def test_everything_works_without_a_script(firm: Firm, look: Look) -> None:
    call_id = firm.missed("0302312594", "Ohne Skript", clock.now_ms() - HOUR_MS)
    page = look("anna", script=False)
    row = page.locator(f"#call-{call_id}")
    row.get_by_role("button").click()
    assert "handled by Anna Berg" in row.inner_text()
    row.get_by_role("button").click()
    assert "handled by" not in row.inner_text()
    row.locator(".open").click()
    assert page.url == f"{firm.url}/calls/{call_id}"
    assert "1001@demo.local" in page.locator(".phones").inner_text()
    page.goto(firm.url)
    page.get_by_label("Name or number").fill("Ohne")
    page.get_by_role("button", name="Show").click()
    assert "search=Ohne" in page.url


def test_the_keyboard_is_enough(firm: Firm, look: Look) -> None:
    firm.missed("0302312593", "Mit Tasten", clock.now_ms() - 100)
    page = look("anna")

    def focused() -> str:
        return str(page.evaluate("document.activeElement.closest('.row')?.dataset.call ?? ''"))

    ids = page.locator(".row").evaluate_all("them => them.map(it => it.dataset.call)")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused() == ids[1]
    page.keyboard.press("k")
    assert focused() == ids[0]
    page.keyboard.press("Enter")
    page.locator(f"#call-{ids[0]} .details").wait_for()
    page.keyboard.press("e")
    page.locator(f"#call-{ids[0]} .handled").wait_for()
    assert focused() == ids[0]
    page.keyboard.press("e")
    page.locator(f"#call-{ids[0]} .handled").wait_for(state="detached")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "search"
    page.keyboard.type("j?")
    assert page.get_by_label("Name or number").input_value() == "j?"
    page.locator("h1").click()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog")
    keys.wait_for()
    page.get_by_label("Use these keys in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    page.locator("h1").click()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") != "search"


@pytest.mark.parametrize(("language", "title"), [("de-DE", "Mein Journal"), ("en-GB", "My journal")])
def test_the_page_speaks_the_language_of_the_browser_until_another_is_chosen(
    look: Look, language: str, title: str
) -> None:
    page = look("clara", language=language)
    assert page.locator("h1").inner_text() == title
    assert page.locator("html").get_attribute("lang") == language[:2]


def test_the_language_that_is_chosen_stays(firm: Firm, look: Look) -> None:
    page = look("dora", language="en-GB")
    page.get_by_role("button", name="Deutsch").click()
    assert page.locator("h1").inner_text() == "Mein Journal"
    page.goto(f"{firm.url}/")
    assert page.locator("h1").inner_text() == "Mein Journal"


def test_the_group_page_shows_members_and_figures(firm: Firm, look: Look) -> None:
    page = look("bernd", "/groups/1/now")
    assert page.locator("tbody tr").count() == 5
    page.get_by_role("link", name="Statistics").click()
    assert int(page.locator(".figures dd").first.inner_text()) > 50
    assert page.locator(".plots svg.plot rect.answered").count() > 5
    page.locator("summary").first.click()
    assert page.locator(".plots table").first.locator("tbody tr").count() == 24
    with page.expect_download() as download:
        page.get_by_role("link", name="As CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "of,which,calls,answered,missed"
    assert len(lines) > 30


def test_who_leads_no_group_finds_no_page_of_one(look: Look) -> None:
    page = look("anna", "/groups/1")
    assert "There is nothing at this address" in page.locator("main").inner_text()
    assert page.locator(".nav a").count() == 1
