"""``esl-huntgroup demo``, as a newcomer starts it: the main job on one screen, in under half a minute."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from esl_huntgroup.simulator.showcase import MEMBERS, PEOPLE, SCENES, Scene

LIMIT_S = 30


@dataclass(frozen=True)
class Played:
    """One run of the demo."""

    status: int
    output: str
    complaints: str
    took_s: float


@pytest.fixture(scope="module")
def played() -> Played:
    began = time.monotonic()
    command = [sys.executable, "-m", "esl_huntgroup", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * LIMIT_S, check=False)
    return Played(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def test_the_demo_ends_by_itself_with_status_0(played: Played) -> None:
    assert (played.status, played.complaints) == (0, "")
    assert f"All {len(SCENES)} calls went as announced" in played.output


def test_the_demo_takes_less_than_half_a_minute(played: Played) -> None:
    assert played.took_s < LIMIT_S


@pytest.mark.parametrize("scene", SCENES, ids=[scene.outcome.value for scene in SCENES])
def test_the_demo_shows_each_call_and_its_caller(played: Played, scene: Scene) -> None:
    assert scene.title in played.output
    assert scene.caller.name in played.output


def test_the_demo_shows_what_the_phones_are_told(played: Played) -> None:
    live, _, _ = played.output.partition("The journal of")
    for word in ("rings", "busy", "answer", "completed elsewhere"):
        assert word in live.lower()


def test_the_demo_shows_the_journal_of_each_member(played: Played) -> None:
    journals = played.output.split("The journal of ")[1:]
    assert [journal.partition("\n")[0] for journal in journals] == list(PEOPLE.values())
    for journal in journals[1 : len(MEMBERS)]:
        assert "spoken with Anna Berg" in journal
    assert "spoken with Bernd Cordes" in journals[0]
