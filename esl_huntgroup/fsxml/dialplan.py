"""
PURE: which extension of a dialplan takes a number, as far as the text of the dialplan tells.

Conditions are followed as mod_dialplan_xml.c (parse_exten) does. What a condition on anything but the dialled number
will say is not known beforehand: such an extension *may* take the number.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

from esl_huntgroup.fsxml.contract import OURS
from esl_huntgroup.fsxml.elements import Element

_NUMBER_FIELDS: Final = frozenset({"destination_number", "${destination_number}"})
_TIME_ATTRIBUTES: Final = frozenset(
    {"year", "yday", "mon", "mday", "week", "mweek", "wday", "hour", "minute", "minute-of-day", "time-of-day"}
    | {"date-time", "tz-offset", "dst"}
)
_DELIMITED = re.compile(r"/(.*)/(\w*)", re.DOTALL)


class Reach(enum.Enum):
    """Whether an extension takes a number."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Unreadable(Exception):
    """An expression that is PCRE but not Python's; the text of it."""


def taken_before_ours(context: Element, number: str) -> Iterator[tuple[Element, Reach]]:
    """
    Give the extensions of a context that take a number before our own extension is reached.

    Extensions with ``continue="true"`` let the call go on. Raises Unreadable.
    """
    for extension in context.iter("extension"):
        if extension.get("name") == OURS:
            return
        if extension.get("continue").lower() == "true":
            continue
        found = reach(extension, number)
        if found is not Reach.NO:
            yield extension, found


def reach(extension: Element, number: str) -> Reach:
    """Return whether the extension takes the number. One that never looks at the number does not. Raises Unreadable."""
    conditions = [child for child in extension.children if child.tag == "condition"]
    looks = any(map(_looks_at_number, conditions))
    is_open = any(not (it.attributes.keys() - {"break"}) and not _regexes(it) for it in conditions[:1])
    return _followed(conditions, number) if looks or is_open else Reach.NO


def number_expressions(extension: Element) -> list[str]:
    """Return the expressions that an extension holds against the dialled number."""
    parts = [part for condition in extension.iter("condition") for part in (condition, *_regexes(condition))]
    return [_expression(part) for part in parts if part.get("field") in _NUMBER_FIELDS]


def _followed(conditions: Sequence[Element], number: str) -> Reach:
    certainty = Reach.YES
    for condition in conditions:
        holds = _holds(condition, number)
        if holds is not Reach.NO:
            if holds is Reach.MAYBE:
                certainty = Reach.MAYBE
            if any(child.tag == "action" for child in condition.children):
                return certainty
        stops = condition.get("break", "on-false").lower()
        if (
            stops == "always"
            or (stops == "on-false" and holds is Reach.NO)
            or (stops == "on-true" and holds is Reach.YES)
        ):
            return Reach.NO
    return Reach.NO


def _holds(condition: Element, number: str) -> Reach:
    """Return whether the condition is met by the number; a field other than the number may say anything."""
    rule = condition.get("regex").lower()
    answers = [_single(part, number) for part in _regexes(condition)] if rule else [_single(condition, number)]
    if rule in ("", "all"):
        worst = Reach.NO if Reach.NO in answers else Reach.MAYBE if Reach.MAYBE in answers else Reach.YES
        return Reach.MAYBE if worst is Reach.YES and _TIME_ATTRIBUTES & condition.attributes.keys() else worst
    if Reach.MAYBE in answers:
        return Reach.YES if rule == "any" and Reach.YES in answers else Reach.MAYBE
    met = answers.count(Reach.YES)
    return Reach.YES if (met == 1 if rule == "xor" else met) else Reach.NO


def _single(part: Element, number: str) -> Reach:
    field = part.get("field")
    if not field:
        return Reach.MAYBE if _TIME_ATTRIBUTES & part.attributes.keys() else Reach.YES
    expression = _expression(part)
    if field not in _NUMBER_FIELDS or "${" in expression:
        return Reach.MAYBE
    return Reach.YES if matches(expression, number) else Reach.NO


def matches(expression: str, number: str) -> bool:
    """Return whether the expression finds something in the number (switch_regex_perform). Raises Unreadable."""
    return _compiled(expression).search(number) is not None


@functools.lru_cache(maxsize=10_000)
def _compiled(expression: str) -> re.Pattern[str]:
    delimited = _DELIMITED.fullmatch(expression)
    body, flags = (delimited[1], delimited[2]) if delimited else (expression, "")
    if body.startswith("_"):  # an Asterisk pattern (switch_regex.c): not followed here
        raise Unreadable(expression)
    try:
        return re.compile(body, re.IGNORECASE if "i" in flags else 0)
    except re.error:
        raise Unreadable(expression) from None


def _looks_at_number(condition: Element) -> bool:
    return any(part.get("field") in _NUMBER_FIELDS for part in (condition, *_regexes(condition)))


def _regexes(condition: Element) -> list[Element]:
    return [child for child in condition.children if child.tag == "regex"]


def _expression(part: Element) -> str:
    texts = [child.text for child in part.children if child.tag == "expression"]
    return texts[0] if texts else part.get("expression")
