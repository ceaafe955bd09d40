"""One target under atheris (libFuzzer): ``python -m tests.fuzz.atheris_run TARGET [libFuzzer options] CORPUS…``."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["esl_huntgroup"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
