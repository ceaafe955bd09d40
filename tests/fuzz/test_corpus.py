"""The seeds, and what fuzzing has found interesting, thrown at the readers again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
KEPT = [(path.parent.name, path.name) for path in sorted(CORPUS.glob("*/*"))]


@pytest.mark.parametrize(("target", "name"), KEPT)
def test_what_was_found_breaks_no_promise(target: str, name: str) -> None:
    TARGETS[target]((CORPUS / target / name).read_bytes())


@pytest.mark.parametrize(("target", "name"), [(target, name) for target in TARGETS for name in seeds(target)])
def test_what_fuzzing_begins_with_breaks_no_promise(target: str, name: str) -> None:
    TARGETS[target](seeds(target)[name])


def test_every_target_has_a_corpus() -> None:
    assert {target for target, _ in KEPT} == set(TARGETS)
