"""The demo complains of whatever does not go as announced."""

from __future__ import annotations

from typing import Any

from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.simulator import demo
from esl_huntgroup.simulator.showcase import EMPTY_GROUP_MEMBERS, GROUP_NUMBER, MEMBERS, PEOPLE, SCENES


def journal_as_announced() -> list[dict[str, Any]]:
    return [
        {
            "caller_number": scene.caller.number,
            "user_name": PEOPLE[account],
            "kind": kind.value,
            "outcome": scene.outcome.value,
        }
        for scene in SCENES
        for account, kind in scene.journal.items()
    ]


def test_a_journal_as_announced_is_no_reason_to_complain() -> None:
    assert demo._complaint(journal_as_announced()) == ""


def test_any_entry_that_differs_or_is_missing_is() -> None:
    announced = journal_as_announced()
    for index in range(len(announced)):
        changed = [dict(entry) for entry in announced]
        changed[index]["kind"] = "nonsense"
        assert demo._complaint(changed).startswith("call ")
        assert demo._complaint(announced[:index] + announced[index + 1 :])


def test_every_call_has_a_caller_of_its_own_and_names_every_member() -> None:
    assert len({scene.caller.number for scene in SCENES}) == len(SCENES)
    for scene in SCENES:
        members = MEMBERS if scene.number == GROUP_NUMBER else EMPTY_GROUP_MEMBERS
        assert set(scene.journal) == set(members)


def test_whoever_wins_answers_and_nobody_else_has_answered() -> None:
    for scene in SCENES:
        answered = [account for account, kind in scene.journal.items() if kind is EntryKind.ANSWERED]
        assert answered == ([scene.winner] if scene.winner else [])
