"""A service with its page, and calls of a simulated switch: what open pages show when the service is started anew."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from esl_huntgroup.simulator.phones import RINGING, answering, registered
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import Switch
from tests.conftest import TIMEOUT_MS
from tests.database.servers import free_port
from tests.protocol.test_service import DOMAIN, Installation

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


class Call(threading.Thread):
    """A switch in a thread of its own, which hands the service one call. It rings until Anna is told to answer."""

    def __init__(self, service: tuple[str, int], number: str) -> None:
        super().__init__(daemon=True)
        self._service, self._number = service, number
        self._anna = registered("Anna Berg", f"1001@{DOMAIN}", RINGING, port=10010)
        self.start()

    def answer(self) -> None:
        """Let Anna answer, and talk for a second."""
        self._anna.script = answering(0)

    def run(self) -> None:
        phones = (self._anna, registered("Bernd Cordes", f"1002@{DOMAIN}", RINGING, port=10020))
        switch = Switch(self._service, phones, domain=DOMAIN)
        switch.call(Caller(self._number, "Ruft an"), "700", hangs_up_after_talk_s=1)
        gevent.get_hub().destroy(destroy_loop=True)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Give what keeps the page, behind a proxy that says who asks."""
    it = Installation(tmp_path)
    it.environment |= {
        "ESL_HUNTGROUP_LISTEN": f"127.0.0.1:{free_port()}",
        "ESL_HUNTGROUP_WEB_LISTEN": f"127.0.0.1:{free_port()}",
        "ESL_HUNTGROUP_WEB_USER_HEADER": "X-User",
        "ESL_HUNTGROUP_WEB_TRUSTED_PROXIES": "127.0.0.1",
    }
    it.set_up()
    assert it.run("group", "set", "Vertrieb", "--ring-timeout-s", "120").returncode == 0
    yield it
    it.end()


def serve(installation: Installation) -> tuple[str, int]:
    """Start the service, and return its address when its page is there, too."""
    address = installation.start()
    installation.await_log(" web serving on ")
    return address


def test_open_pages_outlive_the_service_and_show_each_call_once(installation: Installation, chromium: Any) -> None:
    service = serve(installation)
    anna, bernd = (chromium.new_page(locale="en", extra_http_headers={"X-User": who}) for who in ("anna", "bernd"))
    for page in (anna, bernd):
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(f"http://{installation.environment['ESL_HUNTGROUP_WEB_LISTEN']}/")
        expect(page.locator("#live")).to_have_attribute("data-live", "on")
    see_a_call(service, "030111", anna, bernd)
    installation.terminate()
    assert installation.exit_status() == 0
    for page in (anna, bernd):
        expect(page.locator("#live")).to_have_attribute("data-live", "off")
    service = serve(installation)
    for page in (anna, bernd):
        expect(page.locator("#live")).to_have_attribute("data-live", "on")
    see_a_call(service, "030222", anna, bernd)
    for page in (anna, bernd):
        assert page.locator("#days .row").count() == 2
        page.close()


def see_a_call(service: tuple[str, int], number: str, anna: Any, bernd: Any) -> None:
    """Let somebody call, and see on both pages that it rings, who has answered, and that it is over."""
    call = Call(service, number)
    for page in (anna, bernd):
        expect(page.locator("#ringing .row", has_text=number).locator(".said")).to_have_text("ringing now")
    call.answer()
    for page, words in ((anna, "answered"), (bernd, "spoken with Anna Berg")):
        row = page.locator("#days .row", has_text=number)
        expect(row.locator(".said")).to_have_text(words)
        expect(row.locator(".talk")).to_have_text(re.compile(r"\d:\d\d$"))
    call.join(TIMEOUT_MS / 1000)
