"""From which page a request comes, and which addresses are our own."""

from __future__ import annotations

import pytest

from esl_huntgroup.web.identity.origins import NEXT_MAX_CHARS, is_own_page, own_path

URL = "https://calls.example.org"


@pytest.mark.parametrize(
    ("site", "origin", "is_ours"),
    [
        (None, None, True),
        ("same-origin", URL, True),
        ("same-origin", f"{URL}:443", True),
        ("none", None, True),
        (None, URL, True),
        ("cross-site", URL, False),
        ("same-site", URL, False),
        ("cross-site", None, False),
        (None, "https://evil.example.org", False),
        (None, "http://calls.example.org", False),
        (None, f"{URL}:8443", False),
        (None, "null", False),
        (None, "", False),
        (None, "https://[", False),
        (None, f"{URL}.evil.org", False),
    ],
)
def test_what_browsers_say_decides(site: str | None, origin: str | None, is_ours: bool) -> None:
    assert is_own_page(site, origin, URL, "http://127.0.0.1:8090/") is is_ours


def test_without_an_address_in_the_settings_it_is_the_one_that_was_asked() -> None:
    assert is_own_page(None, "http://10.0.0.1:8090", "", "http://10.0.0.1:8090/")
    assert not is_own_page(None, "http://10.0.0.2:8090", "", "http://10.0.0.1:8090/")
    assert not is_own_page(None, "null", "", "nonsense")


@pytest.mark.parametrize("path", ["/", "/groups/3?kind=missed&text=%2F", "/account#tokens", "/a//b"])
def test_paths_of_the_page_are_followed(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        "",
        "account",
        "//evil.example.org",
        "/\\evil.example.org",
        "\\/evil.example.org",
        "https://evil.example.org/",
        "javascript:alert(1)",
        "/\t/evil.example.org",
        "/\n/evil.example.org",
        "/a\r\nSet-Cookie: x=1",
        " //evil.example.org",
        "/" + "a" * NEXT_MAX_CHARS,
    ],
)
def test_what_leads_elsewhere_is_not(elsewhere: str) -> None:
    assert own_path(elsewhere) == "/"
