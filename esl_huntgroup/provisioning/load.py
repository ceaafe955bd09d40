"""
Documents into the database: whole or not at all.

A document is checked value by value (``schemas``) and as a whole against the database (``load_plan``), and everything
that is wrong is told at once; only then anything is written, by ``transaction`` like every other change.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import peewee
from marshmallow import ValidationError

from esl_huntgroup.db.engine import Progress, database_errors, is_refusal, one_line
from esl_huntgroup.errors import DocumentRefused, InputError
from esl_huntgroup.model.group import HuntMode
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.diff import as_file_changes
from esl_huntgroup.provisioning.differences import added_and_changed, differences, removed
from esl_huntgroup.provisioning.document import Document, Node, Problem
from esl_huntgroup.provisioning.document import Path as Place
from esl_huntgroup.provisioning.load_plan import plan
from esl_huntgroup.provisioning.model import Inventory
from esl_huntgroup.provisioning.schemas import FILE
from esl_huntgroup.provisioning.shown import as_change
from esl_huntgroup.provisioning.store import read_inventory
from esl_huntgroup.provisioning.transaction import alone, apply
from esl_huntgroup.provisioning.yamlfile import read_yaml

WHO_DEFAULT = "esl-huntgroup"
"""Who a load is by when nobody says so: the program itself, as in the demonstration."""
NAME_MAX_CHARS = 320
"""Of a name in the audit."""


@dataclass(frozen=True, slots=True)
class Count:
    """What has become of one kind of thing that the file mentions."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did."""

    users: Count
    lines: Count
    groups: Count
    services: Count = Count()

    def sentences(self) -> list[str]:
        """Return one sentence for each kind; services only where there are any."""
        counts = ((kind.name, getattr(self, kind.name)) for kind in fields(self))
        return [
            f"{kind}: {count.added} added, {count.changed} changed, {count.unchanged} unchanged"
            + (f", {count.removed} removed" if count.removed else "")
            for kind, count in counts
            if kind != "services" or count != Count()
        ]


class Rules(NamedTuple):
    """What the settings decide about a document: the domain where it gives none, and the hunt modes it may set."""

    default_domain: str
    hunt_modes: Sequence[str] = tuple(HuntMode)


class _Content(NamedTuple):
    """What a document says in normal form, and what could not be read of it."""

    document: Document
    values: Mapping[str, Any]
    problems: tuple[Problem, ...]

    def planned(self, current: Inventory, rules: Rules) -> Inventory:
        """Return what the database is to hold. Raises DocumentRefused with everything that is wrong."""
        planned = plan(
            self.values,
            current,
            default_domain=rules.default_domain,
            hunt_modes=rules.hunt_modes,
            unreadable=[problem.path for problem in self.problems],
        )
        if self.problems or planned.problems:
            raise self.document.refusal((*self.problems, *planned.problems))
        return planned.wanted


class _Doing(NamedTuple):
    """Who loads, and who is told how far it is."""

    who: str
    progress: Progress


def load_file(db: peewee.Database, path: Path, *, default_domain: str, who: str = WHO_DEFAULT) -> LoadReport:
    """Load a YAML file; see ``load_document``."""
    return load_document(db, read_document(path), Rules(default_domain), who=who)


def read_document(path: Path) -> Document:
    """Return what a YAML file says. Raises InputError."""
    with _collector_paused():
        return Document(read_yaml(path), str(path))


def load_document(
    db: peewee.Database,
    document: Document,
    rules: Rules,
    *,
    who: str = WHO_DEFAULT,
    progress: Progress = lambda _step: None,
) -> LoadReport:
    """
    Bring everything that the document says into the database, all of it or nothing, and into the audit.

    Users, groups and services are recognised by name, lines by domain and number. Raises InputError with a line for
    every reason, up to PROBLEMS_SHOWN_MAX of them, and DatabaseError; nothing has been changed then.
    """
    progress("checking")
    with _collector_paused(), database_errors(db):
        content = _content(document)
        try:
            return _load(db, content, rules, _Doing(who, progress))
        except peewee.DatabaseError as error:
            if not is_refusal(error):
                raise
            # Something else was faster: what the file says fits no longer. Look again, for the sentence that says so.
            content.planned(read_inventory(db), rules)
            what = f"{document.name}: the database refuses what the file says: {one_line(error)}"
            raise InputError(what) from error


def preview(db: peewee.Database, document: Document, rules: Rules) -> list[Change]:
    """Return what loading the document would change; changes nothing. Raises as ``load_document`` does."""
    with _collector_paused(), database_errors(db):
        content = _content(document)
        current = read_inventory(db)
        return as_file_changes(differences(current, content.planned(current, rules)))


def usable(db: peewee.Database, document: Document, rules: Rules) -> tuple[Document, list[str], list[str]]:
    """
    Return the document without what cannot be loaded, and why not, in two lists.

    The first says what is wrong with the document as it is; the second what cannot stay because of what is gone then (a
    member who is no user, say). Changes nothing. Raises InputError where leaving things out does not help, and
    DatabaseError.
    """
    told: list[list[str]] = []
    while True:
        try:
            preview(db, document, rules)
        except DocumentRefused as refused:
            smaller = document.without(refused.paths)
            if smaller == document:
                raise
            told.append(str(refused).splitlines())
            document = smaller
        else:
            first, *others = told or [[]]
            return document, first, [line for lines in others for line in lines]


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Let nobody look for garbage: a large file is a million values without a cycle, and looking takes a quarter."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(db: peewee.Database, content: _Content, rules: Rules, doing: _Doing) -> LoadReport:
    with alone(db):
        doing.progress("comparing with the database")
        current = read_inventory(db)
        wanted = content.planned(current, rules)
        found = apply(db, current, wanted, doing.progress)
        report = _report(content.values, current, wanted, rules.default_domain)
        doing.progress("writing the audit")
        _record(db, doing.who, content.document.name, report, [as_change(it) for it in found])
    return report


def _record(db: peewee.Database, who: str, name: str, report: LoadReport, found: Sequence[Change]) -> None:
    """Write the audit: the load as a whole, then each change. A load that changes nothing leaves no row."""
    if found:
        after = {"did": report.sentences()}
        whole = Change("load", "file", name[-NAME_MAX_CHARS:], None, after)
        audit.record(db, who, whole, *found)


def _content(document: Document) -> _Content:
    """Return what the document says, in normal form, and what of it could not be read."""
    try:
        return _Content(document, FILE.load(document.root.plain()), ())
    except ValidationError as error:
        found = _flat(error.messages, ())
        problems = (Problem(path, _named(document.root, path) + what) for path, what in found)
        read: Any = error.valid_data
        return _Content(document, read if isinstance(read, dict) else {}, tuple(problems))


def _flat(messages: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Turn marshmallow's nested messages into pairs of a path in the file and a sentence."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flat(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, str):
        yield path, messages
    else:
        for inner in messages:
            yield from _flat(inner, path)


def _named(node: Node, where: Place) -> str:
    """Return which user or group the path leads into, and to which of its keys, for the start of a sentence."""
    if len(where) < 2:
        return "".join(f"{step}: " for step in where)
    item = node.at(where[:2])
    name = item.at(("name",)).value
    kind = str(where[0]).removesuffix("s")
    named = f"{kind} {name!r}" if isinstance(name, str) else f"{kind} {int(where[1]) + 1}"
    keys = [str(step) for step in where[2:] if isinstance(step, str)]
    return ", ".join([named, *keys]) + ": "


def _report(content: Mapping[str, Any], current: Inventory, wanted: Inventory, default_domain: str) -> LoadReport:
    lines = {
        (line.get("domain", default_domain), line["number"])
        for user in content["users"]
        for line in user.get("lines", ())
    }
    return LoadReport(
        users=_count(current.users, wanted.users, {user["name"] for user in content["users"]}),
        lines=_count(current.lines, wanted.lines, lines),
        groups=_count(current.groups, wanted.groups, {group["name"] for group in content["groups"]}),
        services=_count(current.services, wanted.services, {service["name"] for service in content["services"]}),
    )


def _count(current: Mapping[Any, object], wanted: Mapping[Any, object], mentioned: Collection[Any]) -> Count:
    added, changed = added_and_changed(current, wanted)
    gone = removed(current, wanted)
    unchanged = len(set(mentioned) - {*added, *changed, *gone})
    return Count(len(added), len(changed), unchanged, len(gone))
