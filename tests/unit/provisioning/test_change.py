"""A change in words: what was done to what, and only what differs."""

from __future__ import annotations

import pytest

from esl_huntgroup.provisioning.change import Change, sentence

GROUP = {
    "name": "Vertrieb",
    "is_active": True,
    "number": None,
    "members": ["anna"],
    "overflow": {"all_busy": "dialplan"},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("add", "user", "日本", None, {"name": "日本", "display_name": "太郎", "lines": []}),
         "added user 日本: display_name 太郎"),
        (Change("remove", "line", "101@example.org", {"number": "101", "user": "anna"}, None),
         "removed line 101@example.org: number 101, user anna"),
        (Change("set", "group", "Vertrieb", GROUP, GROUP | {"is_active": False}),
         "changed group Vertrieb: is_active yes → no"),
        (Change("set", "group", "Vertrieb", GROUP, GROUP | {"number": "700", "members": ["anna", "bernd"]}),
         "changed group Vertrieb: number - → 700, members anna → anna, bernd"),
        (Change("set", "group", "Vertrieb", GROUP,
                GROUP | {"overflow": {"all_busy": "dialplan", "no_answer": "respond:486"}}),
         "changed group Vertrieb: overflow no_answer - → respond:486"),
        (Change("move", "member", "Vertrieb/anna", {"position": 1}, {"position": 2}),
         "moved member Vertrieb/anna: position 1 → 2"),
        (Change("import", "group", "Vertrieb", None, None), "import group Vertrieb"),
    ],
)  # fmt: skip
def test_a_change_in_words(change: Change, words: str) -> None:
    assert sentence(change) == words


@pytest.mark.parametrize(
    ("action", "verb"),
    [("add", "would add"), ("set", "would change"), ("move", "would move"), ("remove", "would remove")],
)
def test_a_dry_run_says_what_would_be_done(action: str, verb: str) -> None:
    assert sentence(Change(action, "user", "anna", None, {"lines": ["101"]}), is_dry_run=True) == (
        f"{verb} user anna: lines 101"
    )
