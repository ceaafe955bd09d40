"""PURE: the variables of a channel: an ordered list in which whoever is set last stands last (switch_event.c)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_TRUE = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})


class ChannelVariables:
    """Names and values in the order of their last setting. A value may be several; see ``push``."""

    def __init__(self) -> None:
        """Begin with none."""
        self._values: dict[str, list[str]] = {}

    def set(self, name: str, value: str | None) -> None:
        """Set one value and move the name to the end. No value, or an empty one, removes the name."""
        self._values.pop(name, None)
        if not value:
            return
        is_array = value.startswith("ARRAY::")
        self._values[name] = value.removeprefix("ARRAY::").split("|:") if is_array else [value]

    def set_all(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        """Set several, in order."""
        for name, value in dict(pairs).items():
            self.set(name, value)

    def push(self, name: str, value: str) -> None:
        """Add one more value to a name (SWITCH_STACK_PUSH), which keeps its place."""
        self._values.setdefault(name, []).append(value)

    def get(self, name: str) -> str | None:
        """Return the value; several as ``ARRAY::a|:b``."""
        values = self._values.get(name)
        if values is None:
            return None
        return values[0] if len(values) == 1 else "ARRAY::" + "|:".join(values)

    def true(self, name: str) -> bool:
        """switch_true of the value."""
        value = (self.get(name) or "").lower()
        return value in _TRUE or (value.isdigit() and int(value) != 0)

    def items(self) -> list[tuple[str, str]]:
        """Return every name with its value, in order."""
        return [(name, self.get(name) or "") for name in self._values]
