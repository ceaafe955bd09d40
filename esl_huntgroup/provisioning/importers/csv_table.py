"""
Users, lines and groups from a table: CSV as programs write it, and as Excel does.

One row is a user, a line of that user, a membership, or all three. Columns are known by the header, in any order. The
rows that name a group are its members, all of them, in the order of the rows.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.text import counted
from esl_huntgroup.provisioning.importers.draft import Draft

COLUMNS: Final = ("user", "display_name", "number", "domain", "kind", "account", "group", "group_number")
FILE_MAX_BYTES: Final = 64 * 1024 * 1024
_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods begin, which are archives, and how .xls does."""
_SEPARATORS: Final = (";", ",", "\t")

Row = tuple[str, Mapping[str, str]]
"""The place of a row, and its cells by column."""


def read_csv(path: Path) -> Draft:
    """Return what the file says, with bad rows noted. Raises InputError for a file that is no such table."""
    draft = Draft(str(path))
    for place, cells in _rows(path, draft):
        _take(draft, place, cells)
    return draft


def _take(draft: Draft, place: str, cells: Mapping[str, str]) -> None:
    user, group = cells.get("user", ""), cells.get("group", "")
    line = {key: cells.get(key, "") for key in ("number", "domain", "kind", "account")}
    if not user:
        if group and not any(cells.get(key) for key in ("display_name", "number", "kind", "account")):
            draft.group(group, place, **_group_values(cells))
            return
        draft.refuse(place, "the column user is empty: the name of a user is accepted, or a group alone")
        return
    draft.user(user, place, display_name=cells.get("display_name", ""))
    if line["number"]:
        draft.line(user, place, **line)
    elif line["kind"] or line["account"]:
        draft.refuse(
            place, f"user {user!r} has a kind or an account without a number: the number of the line is missing"
        )
    if group:
        draft.group(group, place, **_group_values(cells))
        draft.member(group, user, place)
    elif cells.get("group_number"):
        draft.refuse(place, f"group_number {cells['group_number']!r} stands there without a group: its name is missing")


def _group_values(cells: Mapping[str, str]) -> dict[str, str]:
    number = cells.get("group_number", "")
    return {"number": number, "hunt_mode": "softphone", "domain": cells.get("domain", "")} if number else {}


def _rows(path: Path, draft: Draft) -> Iterator[Row]:
    text = _text(path)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=first.count), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            place = f"{path}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(cells, place)
            elif len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                found = counted(len(cells), "cell")
                draft.refuse(place, f"the row has {found}, the header has {len(header)}: as many are accepted")
            else:
                yield place, {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: this is not CSV ({error}): see db/README.md") from error
    if not header:
        raise InputError(f"{path} is empty: a header with {', '.join(COLUMNS)} is accepted, user or group at least")


def _header(cells: list[str], place: str) -> list[str]:
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    while names and not names[-1]:
        names.pop()
    if unknown := [name for name in names if name not in COLUMNS]:
        raise InputError(f"{place}: there is no column {unknown[0]!r}: {', '.join(COLUMNS)} are accepted")
    if len(set(names)) < len(names):
        raise InputError(f"{place}: a column stands there twice: each is accepted once")
    if "user" not in names and "group" not in names:
        raise InputError(f"{place}: the column user is missing: {', '.join(COLUMNS)} are accepted")
    return names


def _text(path: Path) -> str:
    """Return the text in whatever encoding it was saved: UTF-8 with or without a mark, UTF-16 with one, or cp1252."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > FILE_MAX_BYTES:
        raise InputError(f"{path} is too large: at most {FILE_MAX_BYTES // 1024 // 1024} MiB are accepted")
    if data.startswith(_WORKBOOK):
        raise InputError(f"{path} is a workbook, no CSV: save it as CSV (Excel: Save as, CSV UTF-8) and import that")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(path, data, "utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decoded(path, data, "cp1252")


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is neither UTF-8 nor cp1252: one of them is accepted"
        ) from error
