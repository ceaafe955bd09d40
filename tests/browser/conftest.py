"""The firm with its page, and whoever looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from esl_huntgroup.simulator import history
from esl_huntgroup.web import clock
from tests.browser.firm import Firm
from tests.conftest import TIMEOUT_MS

HEBREW = "אבגד עברית"
HOSTILE = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "{{ 7 * 7 }}{% raw %}",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe\N{LEFT-TO-RIGHT OVERRIDE}",
    "=HYPERLINK(1)",
    "javascript:window.pwned=1",
    "x" * 120,
    HEBREW,
    "a\u0301" * 60,
)
"""What callers may call themselves."""


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Firm]:
    """Give a firm with two weeks behind it."""
    it = Firm(tmp_path_factory.mktemp("firm"))
    it.prepare()
    history.write(it.db, clock.now_ms() - 3_600_000)
    it.start()
    yield it
    it.stop()
    it.db.close()


@pytest.fixture
def look(firm: Firm, chromium: Any) -> Iterator[Callable[..., Any]]:
    """Give what opens a page as somebody: ``look("anna", "/groups/1", width=320, dark=True)``."""
    contexts, complaints = [], list[str]()

    def look(
        who: str = "anna",
        path: str = "/",
        *,
        width: int = 1200,
        height: int = 900,
        dark: bool = False,
        scale: float = 1,
        language: str = "en",
        script: bool = True,
        **more: Any,
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            device_scale_factor=scale,
            locale=language,
            java_script_enabled=script,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(firm.door(who))
        if path != "/":
            page.goto(f"{firm.url}{path}")
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []
