"""Which of many inputs are worth keeping: the small ones that lead through the code on a way no other has taken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import esl_huntgroup
from tests.fuzz.targets import TARGETS

PACKAGE = str(Path(esl_huntgroup.__file__).parent)
Step = tuple[str, int, int]


def steps(target: str, data: bytes) -> set[Step]:
    """Return each pair of lines of the package that followed one another, as (file, line, next line)."""
    seen: set[Step] = set()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        before = [0]

        def line(inner: FrameType, _event: str, _argument: Any) -> Callable[..., Any]:
            seen.add((inner.f_code.co_filename, before[0], inner.f_lineno))
            before[0] = inner.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        TARGETS[target](data)
    finally:
        sys.settrace(None)
    return seen


def worth_keeping(target: str, known: Iterable[bytes], candidates: Iterable[bytes]) -> list[bytes]:
    """Return the candidates that take a step which neither what is known nor a smaller candidate takes."""
    reached: set[Step] = set().union(*(steps(target, data) for data in known))
    kept = []
    for data in sorted(candidates, key=len):
        if fresh := steps(target, data) - reached:
            reached |= fresh
            kept.append(data)
    return kept
