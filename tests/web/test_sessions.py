"""Sessions: who is signed in, until when, and that they end."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.web.signed_in import HTML


def test_a_page_leads_to_signing_in_and_back(nobody: FlaskClient) -> None:
    response = nobody.get("/account?x=1", headers=HTML)
    assert (response.status_code, response.location) == (302, "/sign-in?next=/account?x%3D1")


def test_anna_sees_her_account(anna: FlaskClient) -> None:
    response = anna.get("/account", headers=HTML)
    assert response.status_code == 200
    assert "Anna Berg" in response.text
