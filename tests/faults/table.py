"""The matrix as it is shown: fault by phase, with the number of calls, and how many of them the fallback served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.truth import Examined

_tables: dict[str, dict[str, Mapping[str, Sequence[Examined]]]] = {}


def note(title: str, fault: str, row: Mapping[str, Sequence[Examined]]) -> None:
    """Keep one row of a matrix for the end."""
    _tables.setdefault(title, {})[fault] = row


def shown() -> Iterator[tuple[str, list[str]]]:
    """Return each matrix: its title, and the lines of a Markdown table."""
    for title, rows in _tables.items():
        columns = list(next(iter(rows.values())))
        lines = ["| fault | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {fault} | " + " | ".join(_cell(row[it]) for it in columns) + " |" for fault, row in rows.items()]
        calls = [call for row in rows.values() for cell in row.values() for call in cell]
        wrong = sum(bool(call.problems) for call in calls)
        late_s = max((call.lived.told_late_s for call in calls), default=0.0)
        told = (
            f"{len(calls)} calls, {wrong} not as they should be; the switch told of an end at most {late_s:.1f} s late"
        )
        yield title, [*lines, "", told]


def _cell(calls: Sequence[Examined]) -> str:
    """Return the number of calls, behind it those whom the dialplan's fallback took over, and those that are wrong."""
    taken_over = sum(call.lived.fallback in ("", "service_fault") for call in calls)
    wrong = sum(bool(call.problems) for call in calls)
    return f"{len(calls)}" + (f" ({taken_over})" if taken_over else "") + (f" **{wrong} wrong**" if wrong else "")
