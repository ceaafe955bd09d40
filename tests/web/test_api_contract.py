"""The API keeps what its OpenAPI document says: a few examples for each operation, always the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esl_huntgroup.db import migrate
from esl_huntgroup.db.engine import open_database
from esl_huntgroup.web.app import make_app
from tests.database.rows import insert
from tests.web import journals
from tests.web.conftest import CONFIG, USERS
from tests.web.signed_in import browser, form_token, program

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from schemathesis.specs.openapi import checks  # noqa: E402

EXAMPLES = 8
NOT_FOUND_BY_DESIGN = (checks.positive_data_acceptance,)
"""A text that is no time is a text all the same: what a filter accepts is said in words."""


def operations() -> list[tuple[str, str]]:
    app = make_app(CONFIG)
    told: Any = app.test_client().get("/api/v1/openapi.json").json
    return sorted(
        (path, method) for path, methods in told["paths"].items() for method in methods if "events" not in path
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("path", "method"), operations(), ids=str)
def test_every_answer_is_one_that_the_document_names(path: str, method: str, tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/contract.db")
    migrate.upgrade(db)
    for key, (name, display_name) in USERS.items():
        insert(db, "users", id=key, name=name, display_name=display_name)
    journals.firm(db)
    journals.fill(db, 20)
    app = make_app(CONFIG, db)
    if "tokens" in path:
        anna: Any = browser(app, "anna")
        cookie = anna.get_cookie("session") or next(iter(anna._cookies.values()))
        headers = {"Cookie": f"{cookie.key}={cookie.value}", "X-CSRF-Token": form_token(anna)}
    else:
        headers = program(app, "chef")
    operation = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)[path][method.upper()]
    seen: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        response = case.call_and_validate(headers=headers, excluded_checks=NOT_FOUND_BY_DESIGN)
        seen.append(response.status_code)

    check()
    assert seen
    assert max(seen) < 500
    db.close()
