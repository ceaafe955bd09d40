"""What `check` makes of what switch.conf.xml decides."""

from __future__ import annotations

import pytest

from esl_huntgroup.diagnostics.checks.switch_conf import check_expansion, check_rate


@pytest.mark.parametrize(
    ("answer", "is_ok"), [("1795372358", True), ("<API execute Permission Denied>", False), ("", False)]
)
def test_commands_inside_of_braces(answer: str, is_ok: bool) -> None:
    assert check_expansion(answer).is_ok is is_ok


@pytest.mark.parametrize(
    ("answer", "is_ok"),
    [("+OK sessions per second: 30", True), ("+OK sessions per second: 29", False), ("-ERR", False), ("", False)],
)
def test_sessions_per_second(answer: str, is_ok: bool) -> None:
    assert check_rate(answer).is_ok is is_ok
