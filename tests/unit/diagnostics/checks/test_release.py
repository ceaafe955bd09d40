"""What `check` says of a release of FreeSWITCH."""

from __future__ import annotations

import pytest

from esl_huntgroup.diagnostics.checks.release import check_release, read_release


@pytest.mark.parametrize(
    ("answer", "release"),
    [
        ("1.11.2-release", (1, 11, 2)),
        ("1.10.12-release~64bit", (1, 10, 12)),
        ("1.11.3-dev+git~20260821", (1, 11, 3)),
        ("-ERR version Command not found!", ()),
    ],
)
def test_the_release_is_read(answer: str, release: tuple[int, ...]) -> None:
    assert read_release(answer) == release


def test_what_is_unsafe_in_an_old_release_is_named_and_is_nothing_to_fix() -> None:
    found = list(check_release("1.10.12-release"))
    assert all(it.is_ok for it in found)
    said = [str(it) for it in found]
    assert all(line.startswith("NB  switch: unsafe in 1.10.12, mended in 1.11.2: ") for line in said)
    for word in ("REFER", "busy lamp", "Content-Length"):
        assert sum(word in line for line in said) == 1


@pytest.mark.parametrize(("release", "notes"), [("1.11.1-release", 3), ("1.11.2-release", 0), ("1.12.0-release", 0)])
def test_a_release_in_which_all_is_mended_is_right(release: str, notes: int) -> None:
    found = list(check_release(release))
    assert sum(it.is_note for it in found) == notes
    assert notes or [str(it) for it in found] == [f"ok  switch: nothing unsafe is known here of {release[:6]}"]


def test_a_release_that_cannot_be_read_is_said_to_be_unknown() -> None:
    (found,) = check_release("git")
    assert str(found).startswith("NB  switch: which release it is cannot be read ('git')")
