"""PURE: names and numbers as a search compares them: without capitals, in one Unicode form, one blank between words."""

from __future__ import annotations

from esl_huntgroup.model.text import normal_name


def fold(text: str) -> str:
    """Return a text so that those which people take for the same are the same. Raises nothing."""
    return " ".join(normal_name(normal_name(text).casefold()).split())


def folded_caller(number: str, name: str, e164: str) -> str:
    """Return what ``callers.folded`` keeps of a caller: name, number as it came, number with its country code."""
    return "\n".join(dict.fromkeys(filter(None, (fold(name), fold(number), e164))))
