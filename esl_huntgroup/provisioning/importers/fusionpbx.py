"""
Users, lines and ring groups from the PostgreSQL database of a FusionPBX. Reads four tables, changes nothing.

Rows come as JSON, because columns come and go from version to version of FusionPBX and a boolean was text once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import peewee

from esl_huntgroup.db.engine import database_errors, describe, dialect, execute
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.model.text import accepted
from esl_huntgroup.provisioning.importers.draft import Draft, group_names, user_names
from esl_huntgroup.provisioning.model import Inventory

PARALLEL: Final = ("simultaneous", "enterprise", "")
"""The strategies of FusionPBX that ring everybody at once."""
OVERFLOWS: Final = ("no_answer", "all_busy", "nobody_registered")
"""What FusionPBX's one timeout destination stands for."""

Row = Mapping[str, Any]


class _Tables(NamedTuple):
    """What is read: names of domains by uuid, and rows in an order that does not change."""

    domains: dict[str, str]
    extensions: list[Row]
    groups: list[Row]
    destinations: dict[str, list[Row]]
    """By ring group."""


def read_fusionpbx(db: peewee.Database, current: Inventory, domain: str = "") -> Draft:
    """
    Return the extensions and ring groups, of one domain if it is named, in four queries.

    Users and groups whose number is there already keep the name they have. Raises InputError and DatabaseError.
    """
    if dialect(db) != "postgresql":
        raise InputError(
            "FusionPBX keeps its data in PostgreSQL: postgresql://USER:PASSWORD@HOST/fusionpbx is accepted"
        )
    tables = _tables(db)
    if domain and domain not in tables.domains.values():
        known = sorted(tables.domains.values())
        raise InputError(f"FusionPBX has no domain {domain!r}: {accepted(known) if known else 'it has none at all'}")
    chosen = {uuid: name for uuid, name in tables.domains.items() if domain in ("", name)}
    draft = Draft(describe(db))
    users = _take_extensions(draft, tables.extensions, chosen, user_names(current))
    for name, row in _named_groups(tables.groups, chosen, group_names(current)):
        domain_name = chosen[row["domain_uuid"]]
        if _take_group(draft, name, row, domain_name):
            _take_members(draft, name, domain_name, tables.destinations.get(row["ring_group_uuid"], ()), users)
    return draft


def _tables(db: peewee.Database) -> _Tables:
    with database_errors(db), db.atomic():
        execute(db, "SET TRANSACTION READ ONLY")
        destinations: dict[str, list[Row]] = {}
        for row in _rows(db, "v_ring_group_destinations", "destination_delay, destination_number"):
            destinations.setdefault(row["ring_group_uuid"], []).append(row)
        return _Tables(
            {row["domain_uuid"]: row["domain_name"].lower() for row in _rows(db, "v_domains", "domain_name")},
            _rows(db, "v_extensions", "extension", without=("password",)),
            _rows(db, "v_ring_groups", "ring_group_extension"),
            destinations,
        )


def _named_groups(
    rows: Iterable[Row], domains: Mapping[str, str], known: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, Row]]:
    """Give the ring groups of the domains with a name for each, which a second group of that name has to extend."""
    names: set[str] = set()
    for row in rows:
        domain = domains.get(row["domain_uuid"])
        if domain is None:
            continue
        number = _text(row, "ring_group_extension")
        name = known.get((domain, number), _text(row, "ring_group_name") or number)
        if name in names:
            name = f"{name} ({domain})"
        names.add(name)
        yield name, row


def _rows(db: peewee.Database, table: str, order: str, without: Iterable[str] = ()) -> list[Row]:
    left_out = "".join(f" - '{column}'" for column in without)
    try:
        found = execute(db, f"SELECT (to_jsonb(t){left_out})::text FROM {table} t ORDER BY {order}").fetchall()
    except peewee.ProgrammingError as error:
        raise DatabaseError(f"{describe(db)} is not the database of a FusionPBX: it has no table {table}") from error
    return [json.loads(row[0]) for row in found]


def _take_extensions(
    draft: Draft, rows: Iterable[Row], domains: Mapping[str, str], known: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """Take the extensions that are enabled; return whose each extension is."""
    users: dict[tuple[str, str], str] = {}
    for row in rows:
        domain = domains.get(row["domain_uuid"])
        if domain is None or not _is_on(row, "enabled"):
            continue
        extension = _text(row, "extension")
        number = _text(row, "number_alias") or extension
        name = known.get((domain, number), extension if len(domains) == 1 else f"{extension}@{domain}")
        place = f"v_extensions, extension {extension} of {domain}"
        draft.user(name, place, display_name=_display_name(row))
        draft.line(name, place, number=number, domain=domain, account=extension)
        users[domain, extension] = users[domain, number] = name
    return users


def _display_name(row: Row) -> str:
    names = [_text(row, "directory_first_name"), _text(row, "directory_last_name")]
    return " ".join(filter(None, names)) or _text(row, "effective_caller_id_name")


def _take_group(draft: Draft, name: str, row: Row, domain: str) -> bool:
    """Take a ring group without its members; return whether it is one that can be taken."""
    place = f"v_ring_groups, {_text(row, 'ring_group_extension')} of {domain}"
    strategy = _text(row, "ring_group_strategy")
    if strategy not in PARALLEL:
        draft.refuse(place, f"group {name!r} has the strategy {strategy!r}: {', '.join(PARALLEL[:2])} are accepted")
        return False
    draft.group(
        name,
        place,
        number=_text(row, "ring_group_extension"),
        domain=domain,
        hunt_mode="softphone",
        is_active=str(_is_on(row, "ring_group_enabled")).lower(),
        ring_timeout_s=_text(row, "ring_group_call_timeout"),
        overflow=_overflow(draft, name, place, row),
    )
    return True


def _take_members(
    draft: Draft, name: str, domain: str, destinations: Iterable[Row], users: Mapping[tuple[str, str], str]
) -> None:
    place = f"v_ring_group_destinations, group {name} of {domain}"
    for destination in destinations:
        number = _text(destination, "destination_number")
        if not _is_on(destination, "destination_enabled"):
            continue
        if (domain, number) in users:
            draft.member(name, users[domain, number], place)
            if (delay := _text(destination, "destination_delay")) not in ("", "0"):
                draft.note(place, f"group {name!r} rings {number!r} {delay} seconds later there, and at once here")
        else:
            draft.refuse(place, f"group {name!r} rings {number!r}, which is no enabled extension: one is accepted")


def _overflow(draft: Draft, name: str, place: str, row: Row) -> dict[str, Any] | None:
    app, data = _text(row, "ring_group_timeout_app"), _text(row, "ring_group_timeout_data")
    if app == "transfer" and data:
        return {outcome: {"transfer": data} for outcome in OVERFLOWS}
    if app not in ("", "hangup"):
        draft.refuse(place, f"group {name!r} ends in {app!r}: transfer, hangup are accepted")
    return None


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _is_on(row: Row, column: str) -> bool:
    """Return a flag, which is text or a boolean; what has no such column, or nothing in it, is on."""
    return _text(row, column).lower() not in ("false", "f", "0")
