"""
``python -m tests.soak [--calls 5000] [--seed 1]``: calls with random outcomes and faults, and everything is counted.

Runs on the simulated switch, with the service as processes of its own, and stops by itself. Exit status 1 if a call
was not served, a conversation broken, a row missing, double or untrue, or a process has grown.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from esl_huntgroup.journal import spool
from tests.faults import firm
from tests.faults.installed import template
from tests.faults.stage import Stage
from tests.faults.truth import Examined
from tests.soak.course import Course
from tests.soak.processes import growth

SHOWN_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="huntgroup-soak-") as folder:
        stage = Stage(Path(folder), template(Path(folder), firm.document()), with_relay=True)
        try:
            return soak(stage, options.calls, options.seed)
        except AssertionError as error:
            print(f"the soak does not come to its end: {error}")
            return 1
        finally:
            stage.close()


def soak(stage: Stage, calls: int, seed: int) -> int:
    """Run, print the figures, and return the exit status."""
    course = Course(stage, calls, seed)
    began = time.monotonic()
    examined = course.go()
    print(f"{calls} calls, seed {seed}, {time.monotonic() - began:.0f} s")
    print("faults: " + ", ".join(f"{count} x {name}" for name, count in sorted(course.faults.items())))
    late_s = max((call.lived.told_late_s for call in examined), default=0.0)
    print(f"the switch itself told of an end at most {late_s:.1f} s late")
    wrong = [problem for call in examined for problem in call.problems]
    wrong += _count(stage, examined)
    print(f"memory in kB and open files, at rest, before and after the last {course.measured_calls} calls:")
    for pid, before in course.before.items():
        after = course.after.get(pid, before)
        print(f"  {before.name}: {before.rss_kb} -> {after.rss_kb}, {before.descriptors} -> {after.descriptors}")
    wrong += growth(course.before, course.after, course.measured_calls)
    for sentence in wrong[:SHOWN_MAX]:
        print(f"WRONG: {sentence}")
    print(f"{len(wrong)} things are wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0


def _count(stage: Stage, examined: Sequence[Examined]) -> list[str]:
    """Print the calls and rows, and return what does not add up."""
    rows = stage.journal_calls()
    strangers = {row.caller_number for row in rows} - {call.lived.caller for call in examined}
    no_group = sum(not call.lived.plan for call in examined)
    taken = [call for call in examined if call.lived.plan and not call.has_rows]
    outcomes = Counter(row.outcome for row in rows)
    print("rows: " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    print(
        f"{len(examined)} calls = {len(rows)} with rows + {no_group} to a number without a group "
        f"+ {len(taken)} that the dialplan served before the service had them"
    )
    wrong = [f"a row of {caller}, who never called" for caller in strangers]
    if len(examined) != len(rows) + no_group + len(taken):
        wrong.append("calls and rows do not add up")
    if left := spool.waiting_bytes(stage.spool):
        wrong.append(f"{left} bytes are left in the spool")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
