"""
FreeSWITCH's XML as its files hold it.

``X-PRE-PROCESS`` is resolved as switch_xml.c does, line by line and in comments too: ``include`` with its pattern
relative to the file it stands in, ``set``, and ``$${name}``, which stays as it is where nobody has set it. A ``${``
in what ``set`` stores becomes ``%{``. ``exec`` and its kin are not run: whoever checks a file runs nothing that is in
it.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.elements import Element, Line, parse_lines

DEPTH_MAX: Final = 20
"""Files that include files; FreeSWITCH itself allows 100."""
FILES_MAX: Final = 50_000

_COMMAND = re.compile(r"<X-PRE-PROCESS\s+cmd\s*=\s*\"([\w-]+)\"\s+data\s*=\s*\"([^\"]*)\"\s*/?>", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\$\{([^{}]+)\}")
_CHANNEL_VARIABLE = re.compile(r"(?<!\$)\$(\\*)\{")
"""Not ``$${name}``: it stays as it is where nobody has set it, because another file may."""
_SKIPPED = ("<include>", "</include>", "<?")
"""switch_xml.c leaves out the whole line in which it finds one of these."""
_AROUND = re.compile(r"</?include>|<\?[^>]*>")


def read_fsxml(path: Path, variables: Mapping[str, str] | None = None) -> Element:
    """
    Return what a file holds, or all ``*.xml`` files of a folder, with includes resolved.

    ``variables`` are known before the first line, such as ``domain``. The root is an element ``document`` around
    whatever was found. Raises InputError with the place for what cannot be read.
    """
    reader = _Reader(dict(variables or {}))
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} has no file *.xml: a file, or a folder with such files, is accepted")
    return parse_lines([line for file in files for line in reader.lines(file, 0)])


class _Reader:
    """Reads files as the preprocessor does; the variables live from file to file."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables
        self._files = 0

    def lines(self, path: Path, depth: int) -> Iterator[Line]:
        """Give the lines of one file, and where an include stands, those of the included files."""
        self._files += 1
        if depth > DEPTH_MAX or self._files > FILES_MAX:
            raise InputError(f"{path}: files include one another without end: at most {DEPTH_MAX} deep is accepted")
        text = _text(path)
        _require_lines(text, path)
        for number, line in enumerate(text.split("\n"), start=1):
            if _is_skipped(line):
                yield "", f"{path}, line {number}"
                continue
            expanded = _VARIABLE.sub(lambda match: self._variables.get(match[1], match[0]), line)
            yield from self._line(expanded, path, number, depth)

    def _line(self, line: str, path: Path, number: int, depth: int) -> Iterator[Line]:
        place = f"{path}, line {number}"
        command = _COMMAND.search(line)
        if command is None:
            yield line, place
            return
        match command[1].lower(), command[2]:
            case "set", data:
                name, _, value = data.partition("=")
                self._variables[name.strip()] = _CHANNEL_VARIABLE.sub(r"%\1{", value.strip())
            case "include", pattern:
                for found in sorted(glob.glob(str(path.parent / pattern))):
                    yield from self.lines(Path(found), depth + 1)
        yield "", place


def _is_skipped(line: str) -> bool:
    return any(word in line for word in _SKIPPED)


def _require_lines(text: str, path: Path) -> None:
    """Refuse a file of which FreeSWITCH would read nothing, although something is in it: all stands in one line."""
    lines = text.splitlines()
    is_read = any(line.strip() and not _is_skipped(line) for line in lines)
    if not is_read and any(_AROUND.sub("", line).strip() for line in lines):
        raise InputError(
            f"{path}: FreeSWITCH leaves out every line with <include>, </include> or <?xml, and with them all that "
            "this file holds: a file with a new line after each of them is accepted"
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start + 1} is not UTF-8: UTF-8 is accepted") from error
