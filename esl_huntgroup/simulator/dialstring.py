"""
PURE: how FreeSWITCH reads the argument of ``bridge``.

A model of switch_ivr_originate.c (parts that parse) and switch_event_create_brackets, kept next to the source in order
and wording, so that it can be held against it. Known ways to lose legs are lost here too: at most 128 legs, of which
the last takes all the rest; at most 1024 variables in one bracket; ``|`` cuts even inside ``[]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esl_huntgroup.simulator.cstring import QUOTE, Memory, OutOfBounds, find_end_paren, separate, strchr_strict

MAX_PEERS: Final = 128
MAX_VARIABLES: Final = 1024
ENTERPRISE: Final = ":_:"
_QUOTED_COMMA: Final = 1
_UNQUOTED_COMMA: Final = 2
_COMMA: Final = ord(",")

Variables = tuple[tuple[str, str], ...]


class DialStringError(Exception):
    """The dial string as a whole is refused (``Parse Error!``), or would make the real switch misbehave."""


@dataclass(frozen=True, slots=True)
class DialLeg:
    """One ``[variables]endpoint/destination``. An element without a slash has an empty destination."""

    variables: Variables
    endpoint: str
    destination: str

    @property
    def named(self) -> dict[str, str]:
        """The variables as they end up on the leg: of a name that stands twice, the last counts."""
        return dict(self.variables)


@dataclass(frozen=True, slots=True)
class Dial:
    """``{variables}`` and the legs: one tuple of parallel legs for each ``|`` alternative."""

    variables: Variables
    alternatives: tuple[tuple[DialLeg, ...], ...]

    @property
    def named(self) -> dict[str, str]:
        """The common variables as they end up on every leg: the last of a name counts."""
        return dict(self.variables)

    @property
    def legs(self) -> tuple[DialLeg, ...]:
        """The legs of the first alternative."""
        return self.alternatives[0]

    def parameter(self, name: str) -> str | None:
        """Return a variable that originate itself consults: there, the first of a name counts."""
        return next((value for key, value in self.variables if key == name), None)


def parse(argument: str) -> Dial:
    """
    Return what FreeSWITCH would dial, after it has expanded nothing.

    Raises DialStringError where the whole originate fails, where it would read behind its buffer, and for
    the enterprise delimiter ``:_:``, which is another grammar.
    """
    if ENTERPRISE in argument:
        raise DialStringError("enterprise originate (:_:) is not modelled")
    try:
        return _parse(Memory(argument.encode("utf-8", "surrogateescape")))
    except OutOfBounds as error:
        raise DialStringError(f"the switch would read behind its buffer: {error}") from None


def _parse(memory: Memory) -> Dial:
    common: list[tuple[str, str]] = []
    at = memory.skip_blanks(0)
    for opening, closing in (b"<>", b"{}"):
        while memory[at] == opening:
            at = _brackets(memory, at, (opening, closing), _COMMA, common)
    data = memory.text(memory.skip_blanks(at))
    if not data:
        raise DialStringError("No origination URL specified!")
    copy = Memory(data)
    alternatives = separate(copy, 0, ord("|"), MAX_PEERS)
    return Dial(tuple(common), tuple(_parallel(copy, start) for start in alternatives))


def _parallel(memory: Memory, at: int) -> tuple[DialLeg, ...]:
    _protect_commas(memory, at)
    return tuple(_leg(memory, start) for start in separate(memory, at, _COMMA, MAX_PEERS))


def _protect_commas(memory: Memory, at: int) -> None:
    """Replace the commas inside ``[]`` by control characters, so that the split at commas leaves them alone."""
    end: int | None = None
    quoted = own_separator = False
    while memory[at]:
        if end is None and memory[at] == ord("["):
            end = find_end_paren(memory, at, ord("["), ord("]"))
            own_separator = bytes(memory.cells[at + 1 : at + 3]) == b"^^"
            quoted = False
        if memory[at] == QUOTE:
            quoted = not quoted
        if end is not None and at < end and memory[at] == _COMMA and memory[at - 1] != ord("\\"):
            memory[at] = _QUOTED_COMMA if quoted or own_separator else _UNQUOTED_COMMA
        if at == end:
            end = None
        at += 1


def _leg(memory: Memory, at: int) -> DialLeg:
    local: list[tuple[str, str]] = []
    at = memory.skip_blanks(at)
    while memory[at] == ord("["):
        _restore_commas(memory, at)
        at = _brackets(memory, at, (ord("["), ord("]")), _UNQUOTED_COMMA, local)
    endpoint, _, destination = memory.text(memory.skip_blanks(at)).partition(b"/")
    return DialLeg(tuple(local), _decoded(endpoint), _decoded(destination))


def _restore_commas(memory: Memory, at: int) -> None:
    end = find_end_paren(memory, at, ord("["), ord("]"))
    for position in range(at + 1, end or 0):
        if memory[position] == _QUOTED_COMMA:
            memory[position] = _COMMA


def _brackets(
    memory: Memory, at: int, bracket: tuple[int, int], delimiter: int, variables: list[tuple[str, str]]
) -> int:
    """switch_event_create_brackets: take in one bracket and return where the data behind it begins."""
    end = find_end_paren(memory, at, *bracket)
    if end is None:
        raise DialStringError("Parse Error!")
    memory[end] = 0
    _refuse_doubled_bracket(memory, end + 1, bracket)
    content = at + 1
    if memory.text(content).startswith(b"^^"):
        delimiter, content = memory[content + 2], content + 3
    for pair in separate(memory, content, delimiter, MAX_VARIABLES):
        halves = separate(memory, pair, ord("="), 2)
        if len(halves) == 2:
            _add_header(variables, _decoded(memory.text(halves[0])), _decoded(memory.text(halves[1])))
    return end + 1


def _refuse_doubled_bracket(memory: Memory, behind: int, bracket: tuple[int, int]) -> None:
    """``{a=1}{{b=2}…``: the real code then parses the rest of the dial string as variables, destroying it."""
    following = strchr_strict(memory, behind, bracket[0])
    inner = behind if following is None else following + 1
    if find_end_paren(memory, inner, *bracket) is not None:
        raise DialStringError("a bracket directly inside a second bracket is not modelled")


def _add_header(variables: list[tuple[str, str]], name: str, value: str) -> None:
    """switch_event_add_header_string: an empty value removes the name."""
    if value:
        variables.append((name, value))
    else:
        variables[:] = [(key, kept) for key, kept in variables if key != name]


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
