"""
PURE: the string routines of FreeSWITCH that dial strings and api arguments go through, byte for byte.

They work in place: a separator becomes NUL, an unescaped element moves to the left, and what is behind a NUL is still
there for the next routine to stumble over. So the memory is modelled too, as one bytearray with offsets for pointers.
Names and rules are those of switch_utils.c.
"""

from __future__ import annotations

from typing import Final

ESCAPE: Final = ord("\\")
QUOTE: Final = ord("'")
BLANK: Final = ord(" ")
CARET: Final = ord("^")
_UNESCAPED: Final = {ord("n"): 10, ord("r"): 13, ord("t"): 9, ord("s"): BLANK}


class OutOfBounds(Exception):
    """The real code would read behind its buffer here: whatever happens next is luck."""


class Memory:
    """A NUL-terminated copy of some bytes. Reading behind the terminator raises OutOfBounds."""

    def __init__(self, content: bytes) -> None:
        """Copy the bytes, up to the first NUL."""
        self.cells = bytearray(content.partition(b"\0")[0] + b"\0")

    def __getitem__(self, at: int) -> int:
        if at >= len(self.cells):
            raise OutOfBounds(f"offset {at} of {len(self.cells)}")
        return self.cells[at]

    def __setitem__(self, at: int, byte: int) -> None:
        self.cells[at] = byte

    def text(self, at: int) -> bytes:
        """Return the string that begins at this offset."""
        return bytes(self.cells[at : self.cells.index(0, at)])

    def has(self, byte: int, at: int) -> bool:
        """strchr: whether the byte comes before the next NUL."""
        return self.cells.find(byte, at, self.cells.index(0, at)) >= 0

    def skip_blanks(self, at: int) -> int:
        """Return the offset of the first byte that is no blank."""
        while self[at] == BLANK:
            at += 1
        return at


def find_end_paren(memory: Memory, at: int, opening: int, closing: int) -> int | None:
    """switch_find_end_paren: the bracket that closes the one at ``at`` (blanks skipped), by depth, blind to quotes."""
    at = memory.skip_blanks(at)
    if memory[at] != opening:
        return None
    depth = 1
    while memory[at + 1]:
        at += 1
        depth += (memory[at] == opening) - (memory[at] == closing)
        if not depth:
            return at
    return None


def strchr_strict(memory: Memory, at: int, wanted: int) -> int | None:
    """switch_strchr_strict with blanks allowed: the byte if only blanks precede it; also the NUL behind blanks."""
    if not memory[at]:
        return None
    at = memory.skip_blanks(at)
    return at if memory[at] in (wanted, 0) else None


def separate(memory: Memory, at: int, delimiter: int, limit: int) -> list[int]:
    """
    switch_separate_string: cut at a delimiter, honour quotes and backslashes, clean each element up.

    ``^^X`` at the beginning makes X the delimiter. The last element that fits holds all the rest.
    """
    if memory[at] == CARET and memory[at + 1] == CARET and memory[at + 2] and memory[at + 3]:
        delimiter, at = memory[at + 2], at + 3
    starts = (_cut_at_blanks if delimiter == BLANK else _cut)(memory, at, delimiter, limit)
    return [_clean_up(memory, start, 0 if delimiter == BLANK else delimiter) for start in starts]


def _cut(memory: Memory, at: int, delimiter: int, limit: int) -> list[int]:
    """separate_string_char_delim, without the clean-up."""
    starts: list[int] = []
    in_element = in_quotes = False
    while memory[at] and len(starts) < limit:
        if not in_element:
            starts.append(at)
            in_element = True
            continue
        if memory[at] == ESCAPE:
            at += 1
        elif memory[at] == QUOTE and (in_quotes or memory.has(QUOTE, at + 1)):
            in_quotes = not in_quotes
        elif memory[at] == delimiter and not in_quotes:
            memory[at] = 0
            in_element = False
        at += 1
    return starts


def _cut_at_blanks(memory: Memory, at: int, _delimiter: int, limit: int) -> list[int]:
    """separate_string_blank_delim, without the clean-up. A single quote opens here even if none closes it."""
    starts: list[int] = []
    in_quotes = False
    while memory[at] and len(starts) < limit:
        starts.append(at)
        if len(starts) == limit:
            break
        at = memory.skip_blanks(at)
        while memory[at] and (memory[at] != BLANK or in_quotes):
            if memory[at] == ESCAPE:
                at += 1
            elif memory[at] == QUOTE:
                in_quotes = not in_quotes
            at += 1
        if memory[at]:
            memory[at] = 0
            at = memory.skip_blanks(at + 1)
    return starts


def _clean_up(memory: Memory, at: int, delimiter: int) -> int:
    """cleanup_separated_string: trim blanks, drop paired quotes, undo one level of backslashes. In place."""
    start = write = read = memory.skip_blanks(at)
    end: int | None = None
    in_quotes = False
    while memory[read]:
        escaped = _escaped(memory, read, delimiter)
        if escaped is not None:
            memory[write] = escaped
            read, write = read + 1, write + 1
            end = write
        elif memory[read] == QUOTE and (in_quotes or memory.has(QUOTE, read + 1)):
            in_quotes = not in_quotes
            end = write if in_quotes else end
        else:
            byte = memory[write] = memory[read]
            write += 1
            end = write if byte != BLANK or in_quotes else end
        read += 1
    if end is not None:
        memory[end] = 0
    return start


def _escaped(memory: Memory, at: int, delimiter: int) -> int | None:
    """Return what the backslash at ``at`` stands for, or None where it is an ordinary byte."""
    if memory[at] != ESCAPE:
        return None
    following = memory[at + 1]
    if following in (QUOTE, ord('"'), ESCAPE) or (delimiter and following == delimiter):
        return following
    return _UNESCAPED.get(following)


def split_words(text: str, limit: int) -> list[str]:
    """Cut an api argument at blanks, as the commands of mod_commands do."""
    return _split(text, BLANK, limit)


def split_list(text: str, delimiter: str, limit: int) -> list[str]:
    """Cut a list at a delimiter, as ``uuid_setvar_multi`` and the dialplan do."""
    return _split(text, ord(delimiter), limit)


def _split(text: str, delimiter: int, limit: int) -> list[str]:
    memory = Memory(text.encode("utf-8", "surrogateescape"))
    starts = separate(memory, 0, delimiter, limit)
    return [memory.text(at).decode("utf-8", "surrogateescape") for at in starts]
