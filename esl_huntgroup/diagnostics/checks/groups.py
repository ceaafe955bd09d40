"""PURE: whether there is a hunt group that rings anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.model.text import counted


def check_groups(rows: Sequence[tuple[str, bool, int]]) -> Iterator[Finding]:
    """Judge the groups in mode softphone: name, whether the group is active, number of its members' softphone lines."""
    active = [(name, lines) for name, is_active, lines in rows if is_active]
    if not rows:
        yield wrong("groups: there is no hunt group; load a file, for example db/examples/small-firm.yaml")
    elif not active:
        yield wrong(
            f"groups: {_all_of(len(rows))} switched off, so no call rings; to switch one on: "
            "esl-huntgroup group set NAME --active"
        )
    for name, lines in active:
        if not lines:
            yield wrong(f"group {name}: no member has a softphone line, so a call to it rings nobody; add one")
    if active and all(lines for _, lines in active):
        off = (
            f"; {counted(len(rows) - len(active), 'more is', 'more are')} switched off"
            if len(active) < len(rows)
            else ""
        )
        yield right(f"groups: {counted(len(active), 'hunt group')}, each with softphone lines{off}")


def _all_of(groups: int) -> str:
    return "the only hunt group is" if groups == 1 else f"all {groups} hunt groups are"
