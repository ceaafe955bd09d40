"""What the members of a group see of its calls in their browsers, from the INVITE on; the service keeps the page."""

from __future__ import annotations

import contextlib
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import TIMEOUT_MS
from tests.database.servers import free_port

from .agent import Agent
from .lab import Lab

GROUP = "710"
BLUE = "rgb(26, 84, 194)"
LATE_MS = 5000
"""
A call is on the page within a second of its ringing; ``tests.bench.web_live`` measures that with a thousand pages.
Here, switch, service, browser and other tests share a machine, which may be busy.
"""
NOTE_ROWS = """
window.rows = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll("#ringing .row")) {
    window.rows[row.dataset.call] ??= Date.now() - Number(row.querySelector("[data-since]").dataset.since);
  }
}).observe(document, {childList: true, subtree: true});
"""
"""Notes for each call how long it had been ringing when the page first showed it, in ms."""


class Pages:
    """The page that the service keeps, behind a proxy that says who it is, and the browsers in which it is open."""

    def __init__(self, lab: Lab, chromium: Any) -> None:
        self._lab = lab
        self._chromium = chromium
        self._port = free_port()
        self._contexts: list[Any] = []
        self.complaints: list[str] = []

    def serve(self) -> None:
        """Start the service, and wait until the page is there."""
        self._lab.service.start(
            {
                "ESL_HUNTGROUP_WEB_LISTEN": f"127.0.0.1:{self._port}",
                "ESL_HUNTGROUP_WEB_USER_HEADER": "X-User",
                "ESL_HUNTGROUP_WEB_TRUSTED_PROXIES": "127.0.0.1",
            }
        )
        for _ in range(TIMEOUT_MS // 100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=10).close()
                return
            self._lab.sleep(0.1)
        raise AssertionError(self._lab.service_log())

    def open(self, who: str, language: str = "en") -> Any:
        """Open the page as somebody; return it when it is live."""
        context = self._chromium.new_context(locale=language, extra_http_headers={"X-User": who})
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(NOTE_ROWS)
        page.goto(f"http://127.0.0.1:{self._port}/")
        page.locator("#live[data-live=on]").wait_for()
        return page

    def close(self) -> None:
        """Close the browsers, and leave a service without a page to the next test."""
        for context in self._contexts:
            context.close()
        self._lab.service.stop()


@pytest.fixture
def expect(chromium: Any) -> Any:
    """Give Playwright's own, which waits until what is expected is so."""
    from playwright.sync_api import expect

    return expect


@pytest.fixture
def pages(lab: Lab, chromium: Any) -> Iterator[Pages]:
    """Give the page of a service that has been started with one. No script on it may have failed."""
    pages = Pages(lab, chromium)
    lab.service.stop()
    try:
        pages.serve()
        yield pages
    finally:
        pages.close()
    assert pages.complaints == []


def test_a_call_is_seen_while_it_rings_when_it_is_answered_and_at_its_end(lab: Lab, pages: Pages, expect: Any) -> None:
    phones = {account: lab.agent(account) for account in ("1001", "1002")}
    anna, ben, emil = pages.open("anna"), pages.open("ben", "de-DE"), pages.open("emil")
    caller = lab.call(to=GROUP, display="Ruft Gerade An", talk_ms=120_000)

    for page, words in ((anna, "ringing now"), (ben, "klingelt jetzt")):
        row = page.locator("#ringing .row", has_text=caller.number)
        expect(row.locator(".said")).to_have_text(words)
        expect(row.locator(".who")).to_contain_text("Ruft Gerade An")
        expect(row.locator(".what small")).to_contain_text("Anna Berg, Ben Wolf")
    call_id = lab.journal(caller, until=lambda call: call.call_id).call_id
    assert [dialog.is_over for phone in phones.values() for dialog in phone.dialogs] == [False, False]
    for page in (anna, ben):
        assert 0 <= page.evaluate(f"window.rows['{call_id}']") < LATE_MS

    _lift(phones["1001"])
    for page, words, more in (
        (anna, "answered", "still talking"),
        (ben, "gesprochen mit Anna Berg", "noch im Gespräch"),
    ):
        row = page.locator(f"#days #call-{call_id}")
        expect(row.locator(".said")).to_have_text(words)
        expect(row.locator(".what small")).to_have_text(more)
        expect(page.locator("#ringing")).to_be_hidden()
    expect(ben.locator(f"#call-{call_id} .said")).to_have_css("color", BLUE)

    phones["1001"].dialogs[-1].bye()
    for page in (anna, ben):
        expect(page.locator(f"#call-{call_id} .talk")).to_have_text(re.compile(r"\d:\d\d$"))
        expect(page.locator(f"#call-{call_id} .what small")).to_have_count(0)
    assert caller.final_status() == 200
    assert emil.locator(f"#call-{call_id}").count() == 0
    assert emil.evaluate("window.rows") == {}


def test_pages_that_are_open_when_everything_is_killed_see_how_the_call_went_on(
    lab: Lab, pages: Pages, expect: Any
) -> None:
    phones = {account: lab.agent(account) for account in ("1001", "1002")}
    anna, ben = pages.open("anna"), pages.open("ben", "de-DE")
    caller = lab.call(to=GROUP, talk_ms=120_000)
    ben.locator("#ringing .row", has_text=caller.number).wait_for()
    call_id = lab.journal(caller, until=lambda call: call.call_id).call_id
    _lift(phones["1001"])
    expect(ben.locator(f"#days #call-{call_id} .said")).to_have_text("gesprochen mit Anna Berg")

    lab.service.kill()
    for page in (anna, ben):
        page.locator("#live[data-live=off]").wait_for()
    pages.serve()
    for page in (anna, ben):
        page.locator("#live[data-live=on]").wait_for()
    phones["1001"].dialogs[-1].bye()
    assert caller.final_status() == 200
    for page, words in ((anna, "answered"), (ben, "gesprochen mit Anna Berg")):
        expect(page.locator(f"#call-{call_id} .talk")).to_have_text(re.compile(r"\d:\d\d$"))
        expect(page.locator(f"#call-{call_id} .said")).to_have_text(words)
        expect(page.locator(f"#call-{call_id}")).to_have_count(1)


def _lift(phone: Agent) -> None:
    phone.answer(phone.invited())
