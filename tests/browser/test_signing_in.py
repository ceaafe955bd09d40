"""Signing in as people do it, in a browser: by a password, by a proxy that names them, by their firm's provider."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esl_huntgroup.simulator import demo
from esl_huntgroup.web import clock
from tests.browser.firm import Firm
from tests.conftest import TIMEOUT_MS
from tests.web import provider
from tests.web.streams import Web

expect: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
PASSWORD = "drei blaue Krokodile"
USER_HEADER = "X-User"


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """Give the database of a firm."""
    it = Firm(tmp_path_factory.mktemp("signing-in"))
    it.prepare()
    yield it
    it.db.close()


@pytest.fixture(scope="module")
def op(firm: Firm) -> Iterator[provider.RealProvider]:
    """Give a provider at which the page is registered. Its address is one of another site than the page's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # for the server; loopback has no TLS
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        with provider.running(f"{firm.url}/sign-in/provider/answer", "localhost") as running:
            running.has_form = True
            yield running


@pytest.fixture(scope="module")
def web(firm: Firm, op: provider.RealProvider) -> Iterator[Web]:
    """Run the page with all three ways to sign in."""
    settings = {
        "WEB_URL": firm.url,
        "WEB_USER_HEADER": USER_HEADER,
        "WEB_TRUSTED_PROXIES": "127.0.0.1",
        "WEB_OIDC_ISSUER": op.issuer,
        "WEB_OIDC_CLIENT_ID": provider.CLIENT,
        "WEB_OIDC_CLIENT_SECRET": provider.SECRET,
    }
    web = Web(demo.database_url(firm.home), firm.home, port=firm.port, settings=settings)
    web.start()
    yield web
    web.stop()


@pytest.fixture
def browser(web: Web, firm: Firm, chromium: Any) -> Iterator[Any]:
    """Give a browser in which nobody has been yet."""
    context = chromium.new_context(base_url=firm.url, locale="en")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


def invitation(web: Web, name: str) -> str:
    """Return the link that an administrator sends."""
    command = [sys.executable, "-m", "esl_huntgroup", "user", "invite", name]
    said = subprocess.run(command, env=web.environment, capture_output=True, text=True, check=True).stdout
    found = re.search(r"http://\S+", said)
    assert found, said
    return found[0]


def test_a_password_is_set_by_a_link_and_signs_in_from_then_on(web: Web, browser: Any) -> None:
    link = invitation(web, "anna")
    page = browser.new_page()
    page.goto(link)
    expect(page.locator("main")).to_contain_text("You are Anna Berg (anna).")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill("something else")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="My journal")).to_be_visible()
    (cookie,) = (it for it in browser.cookies() if it["name"].endswith("session"))
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/account")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("drei gelbe Krokodile")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".self-name")).to_have_text("Anna Berg")
    assert page.url.endswith("/account")
    page.goto(link)
    expect(page.locator("main")).to_contain_text("This link has been used already, or it has expired.")


def test_whom_a_proxy_names_is_signed_in_and_handles_a_call(web: Web, firm: Firm, browser: Any) -> None:
    call_id = firm.missed("0302312510", "Für Bernd", clock.now_ms() - 60_000)
    browser.set_extra_http_headers({USER_HEADER: "bernd"})
    page = browser.new_page()
    page.goto("/")
    expect(page.locator(".self-name")).to_have_text("Bernd Cordes")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    expect(page.locator("#live")).to_have_attribute("data-live", "on")
    page.locator(f"#call-{call_id}").get_by_role("button").click()
    expect(page.locator(f"#call-{call_id} .handled")).to_contain_text("handled by Bernd Cordes")
    browser.set_extra_http_headers({USER_HEADER: "zoe"})
    page.goto("/")
    expect(page.locator("main")).to_contain_text("“zoe” is signed in, and is no user here.")


def test_the_provider_of_the_firm_signs_in_and_whoever_it_names_is_here(
    browser: Any, op: provider.RealProvider
) -> None:
    page = browser.new_page()
    for name, wanted in (("zoe", "“zoe” is signed in, and is no user here."), ("clara", "Clara Dietz")):
        op.claims = {"sub": name, "preferred_username": name}
        page.goto("/account")
        page.get_by_role("link", name="Sign in with your organisation's account").click()
        assert page.url.startswith(f"{op.issuer}/authorize?")
        page.get_by_role("button", name="It is me").click()
        expect(page.locator("body")).to_contain_text(wanted)
    assert page.url.endswith("/account")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_removed_user_is_told_no_more_and_finds_nothing(web: Web, firm: Firm, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(invitation(web, "emil"))
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#live")).to_have_attribute("data-live", "on")
    remove = [sys.executable, "-m", "esl_huntgroup", "user", "remove", "emil", "--yes"]
    subprocess.run(remove, env=web.environment, check=True, cwd=tmp_path)
    expect(page.locator("#live")).to_have_attribute("data-live", "off")
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
