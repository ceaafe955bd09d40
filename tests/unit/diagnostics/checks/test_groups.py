"""What `check` makes of the hunt groups."""

from __future__ import annotations

import pytest

from esl_huntgroup.diagnostics.checks.groups import check_groups


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], ["FIX groups: there is no hunt group; load a file, for example db/examples/small-firm.yaml"]),
        ([("A", True, 2), ("B", True, 1)], ["ok  groups: 2 hunt groups, each with softphone lines"]),
        (
            [("A", True, 2), ("B", False, 0)],
            ["ok  groups: 1 hunt group, each with softphone lines; 1 more is switched off"],
        ),
        (
            [("A", True, 0), ("B", False, 1)],
            ["FIX group A: no member has a softphone line, so a call to it rings nobody; add one"],
        ),
        (
            [("A", False, 1)],
            [
                "FIX groups: the only hunt group is switched off, so no call rings; to switch one on: "
                "esl-huntgroup group set NAME --active"
            ],
        ),
    ],
)
def test_a_group_that_is_switched_off_is_no_hunt_group_that_rings(
    rows: list[tuple[str, bool, int]], said: list[str]
) -> None:
    assert [str(finding) for finding in check_groups(rows)] == said
