"""Which passwords are accepted, and how they are kept."""

from __future__ import annotations

import argon2
import pytest

from esl_huntgroup.errors import InputError
from esl_huntgroup.web.identity import passwords

GOOD = "drei blaue Krokodile"


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "x7!kQ-pp2 v_9zLm",
        "日本語のとても長い合言葉です。はい",
        "a" * 40 + "bcde fgh",
        GOOD * 12,
        "пароль из пяти слов тут",
    ],
)
def test_long_ones_are_accepted_of_whatever_kind(password: str) -> None:
    passwords.check(password, ("anna", "Anna Berg"))


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "too short: at least 15"),
        ("kurz und gut 1", "too short"),
        (GOOD * 20, "too long: at most 256"),
        ("aaaaaaaaaaaaaaaaaaaa", "easily guessed"),
        ("121212121212121212", "easily guessed"),
        ("abcdefghijklmnopqrst", "easily guessed"),
        ("0123456789012345", "easily guessed"),
        ("anna.berg.anna.berg", "made of a name"),
        ("AnnaBergAnnaBerg1", "made of a name"),
        ("esl-huntgroup-2026", "made of a name"),
        ("PasswordPassword1", "made of a name"),
    ],
)
def test_others_are_refused_with_a_sentence(password: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        passwords.check(password, ("anna", "Anna Berg"))


def test_the_same_password_from_another_keyboard_is_the_same() -> None:
    stored = passwords.hashed("fünf große Bären")
    assert stored.startswith("$argon2id$")
    assert passwords.is_right(stored, "fu\N{COMBINING DIAERESIS}nf große Ba\N{COMBINING DIAERESIS}ren")
    assert not passwords.is_right(stored, "funf große Baren")


@pytest.mark.parametrize("stored", ["", "nonsense", "$argon2id$v=19$broken"])
def test_where_none_is_stored_none_is_right(stored: str) -> None:
    assert not passwords.is_right(stored, "nobody has this password")
    assert not passwords.is_right(stored, "")


def test_parameters_of_the_past_are_renewed() -> None:
    assert not passwords.is_outdated(passwords.hashed(GOOD))
    assert passwords.is_outdated(argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(GOOD))


def test_a_flood_of_passwords_is_refused_and_not_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.01)
    turns = [passwords._turn() for _ in range(passwords.AT_ONE_TIME)]
    for turn in turns:
        turn.__enter__()
    try:
        with pytest.raises(passwords.TooBusy):
            passwords.is_right("", GOOD)
    finally:
        for turn in turns:
            turn.__exit__()
    assert not passwords.is_right("", GOOD)
