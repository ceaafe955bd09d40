"""
PURE: from what a document says and what the database holds to what is to be there, or to every reason why not.

A key that the document does not mention stays as it is, and so does whoever it does not mention. A list (members,
services, favourites, monitor) is the complete list. What is to go says so: ``remove: true``, or ``none`` for a value.

What could not be read in a document is left out here, so that everything else that is wrong is told with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from esl_huntgroup.model.group import HuntMode, LineKind
from esl_huntgroup.provisioning import rules
from esl_huntgroup.provisioning.document import Path, Problem
from esl_huntgroup.provisioning.edits.people import line_with, without_users
from esl_huntgroup.provisioning.edits.services import without_services
from esl_huntgroup.provisioning.model import (
    ATTRIBUTE_NAMES,
    LISTS,
    ROLES,
    Inventory,
    Key,
    StoredGroup,
    StoredLine,
    StoredUser,
)
from esl_huntgroup.provisioning.values import Content

Item = Mapping[str, Any]
"""A user, group, line or service as FILE of ``schemas`` gives it."""
KINDS = ("services", "users", "groups")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the database is to hold afterwards, or why it cannot."""

    wanted: Inventory
    problems: tuple[Problem, ...]


def plan(
    file: Item,
    current: Inventory,
    *,
    default_domain: str,
    hunt_modes: Sequence[str] = tuple(HuntMode),
    unreadable: Sequence[Path] = (),
) -> Plan:
    """
    Return what the database is to hold after the document, a value that FILE of ``schemas`` has accepted.

    ``default_domain`` counts where a line or a new group names no domain; it may be empty when all of them do.
    ``hunt_modes`` are those that may be set beside ``disabled``. ``unreadable`` are the paths of values that are not in
    ``file`` because they were refused.
    """
    reader = _Reader(file, current.copy(), default_domain)
    found = [*reader.read(), *map(reader.placed, rules.problems(current, reader.wanted, hunt_modes))]
    return Plan(reader.wanted, tuple(it for it in found if not _depends_on(it, unreadable)))


def _depends_on(problem: Problem, unreadable: Sequence[Path]) -> bool:
    """Return whether a problem may only be there because something could not be read."""
    looked_at = [tuple(path) for path in problem.of]
    return any(tuple(path)[: len(its)] == its for path in unreadable for its in looked_at)


class _Reader:
    """Brings what a document says into a configuration, and knows where in the document each thing stands."""

    def __init__(self, file: Item, wanted: Inventory, default_domain: str) -> None:
        self.wanted = wanted
        self._file = {kind: file.get(kind) or () for kind in KINDS}
        self._default_domain = default_domain
        self._place = {
            kind: {item["name"]: index for index, item in enumerate(self._file[kind]) if item.get("name")}
            for kind in KINDS
        }

    def read(self) -> Iterator[Problem]:
        """Make the configuration what the document says; return what is wrong with the document itself."""
        for kind in KINDS:
            yield from self._named_twice(kind)
        yield from self._take_away()
        for _, service in self._kept("services"):
            name = service["name"]
            self.wanted.services[name] = service.get("description", self.wanted.services.get(name, ""))
        yield from self._users()
        for _, group in self._kept("groups"):
            before = self.wanted.groups.get(group["name"], StoredGroup(self._default_domain))
            self.wanted.groups[group["name"]] = _group(group, before)

    def placed(self, problem: Problem) -> Problem:
        """Return a problem of the configuration with its place in the document in place of names."""
        return replace(problem, path=self._in_document(problem.path), of=[self._in_document(it) for it in problem.of])

    def _in_document(self, path: Path) -> Path:
        kind, name, *rest = path
        index = self._place[str(kind)].get(str(name))
        if index is None:
            return ()
        item = self._file[str(kind)][index]
        if len(rest) > 1 and rest[0] == "services" and rest[1] in item.get("services", ()):
            rest[1] = item["services"].index(rest[1])
        if len(rest) > 1 and rest[0] == "lines":
            keys = ["@".join(key) if key else "" for key in map(self._key, item.get("lines", ()))]
            rest[1] = keys.index(str(rest[1])) if rest[1] in keys else rest[1]
        return (kind, index, *rest)

    def _kept(self, kind: str) -> list[tuple[int, Item]]:
        items = enumerate(self._file[kind])
        return [(index, item) for index, item in items if item.get("name") and not item.get("remove")]

    def _removed(self, kind: str) -> set[str]:
        return {item["name"] for item in self._file[kind] if item.get("name") and item.get("remove")}

    def _key(self, line: Item) -> Key | None:
        """Return domain and number of a line, None when its number could not be read."""
        return (line.get("domain", self._default_domain), line["number"]) if line.get("number") else None

    def _named_twice(self, kind: str) -> Iterator[Problem]:
        """Say which users, groups or services stand in the document more than once."""
        names = [item.get("name") for item in self._file[kind]]
        count = Counter(filter(None, names))
        for name, times in count.items():
            if times > 1:
                sentence = f"{kind[:-1]} {name!r} is in the file twice: each is accepted once"
                yield Problem((kind, names.index(name)), sentence)

    def _take_away(self) -> Iterator[Problem]:
        """Take away what the document removes, first of all: its numbers are free for what the document adds."""
        for kind in KINDS:
            for index, item in enumerate(self._file[kind]):
                more = sorted(item.keys() - {"name", "remove"})
                if item.get("name") and item.get("remove") and more:
                    what = f"{kind[:-1]} {item['name']!r} is to be removed, but {more[0]!r} is given too"
                    yield Problem((kind, index), f"{what}: 'name' alone is accepted")
        for name in self._removed("groups"):
            self.wanted.groups.pop(name, None)
        if services := self._removed("services"):
            self.wanted = without_services(self.wanted, services)
        if users := self._removed("users"):
            self.wanted = without_users(self.wanted, users)
        for index, user in self._kept("users"):
            for line_index, line in enumerate(user.get("lines", ())):
                if line.get("remove"):
                    yield from self._take_line_away(("users", index, "lines", line_index), user["name"], line)

    def _take_line_away(self, path: Path, user: str, line: Item) -> Iterator[Problem]:
        key = self._key(line)
        there = self.wanted.lines.get(key) if key else None
        if there is not None and there.user != user:
            sentence = f"line {line['number']} cannot be removed from user {user!r}, it is of user {there.user!r}"
            yield Problem(path, f"{sentence}: a line of that user is accepted")
        elif key:
            self.wanted.lines.pop(key, None)

    def _users(self) -> Iterator[Problem]:
        in_file: dict[Key, str] = {}
        for index, user in self._kept("users"):
            name = user["name"]
            self.wanted.users[name] = _user(user, self.wanted.users.get(name) or StoredUser(name))
            lines = user.get("lines", ())
            gone = {self._key(line) for line in lines if line.get("remove")}
            for line_index, line in enumerate(lines):
                key = self._key(line)
                if key is None or line.get("remove"):
                    continue
                problem = self._line_problem(name, key, in_file, gone)
                if problem:
                    yield replace(problem, path=("users", index, "lines", line_index))
                    continue
                in_file[key] = name
                before = self.wanted.lines.get(key) or StoredLine(name, LineKind.SOFTPHONE.value, key[1])
                self.wanted.lines[key] = line_with(before, kind=line.get("kind"), account=line.get("account"))

    def _line_problem(
        self, name: str, key: Key, in_file: Mapping[Key, str], gone: Iterable[Key | None]
    ) -> Problem | None:
        owner, number = self.wanted.lines.get(key), key[1]
        if key in gone:
            return Problem((), f"line {number} of user {name!r} is both removed and kept: one is accepted")
        if key in in_file:
            users = f"of user {in_file[key]!r} and of user {name!r}"
            return Problem((), f"line {number} is in the file twice, {users}: one is accepted")
        if owner is not None and owner.user != name:
            return rules.line_taken(key, name, f"a line of user {owner.user!r}")
        return None


def _user(user: Item, before: StoredUser) -> StoredUser:
    granted = {**before.levels, **user.get("levels", {})}
    return StoredUser(
        display_name=user.get("display_name", before.display_name),
        services=_sorted(user.get("services", before.services)),
        levels={other: level for other, level in sorted(granted.items()) if level is not None},
    )


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(filter(None, names))))


def _group(group: Item, before: StoredGroup) -> StoredGroup:
    given = {key: group[key] for key in (*ATTRIBUTE_NAMES, *ROLES) if key in group}
    if "members" in group:
        given["members"] = tuple(group["members"])
    given |= {key: tuple(it or Content() for it in group[key]) for key in LISTS if key in group}
    services = _sorted(group.get("services", before.services))
    return replace(before, **given, services=services, overflows={**before.overflows, **group.get("overflow", {})})
