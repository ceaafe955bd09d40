"""
PURE: the whole configuration as values: services, users, lines and groups, as they are or as they are to be.

Users, groups and services are known by name, lines by domain and number. Everything that has an order of its own
(members, favourites, monitor) keeps it; what has none (services) is sorted, so that equal is equal.

A configuration may hold only a part of everything: what a command touches. Whoever is named in a part that was read,
and is not in it, is in the database all the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from esl_huntgroup.model.group import HuntMode, Overflow
from esl_huntgroup.model.limits import RING_TIMEOUT_DEFAULT_S
from esl_huntgroup.model.numbers import normal_number, stored_domain
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.model.permissions import LEVEL_WORDS
from esl_huntgroup.provisioning import values
from esl_huntgroup.provisioning.ringback import ringback
from esl_huntgroup.provisioning.values import Content, Superior

Key = tuple[str, str]
"""Domain and number."""

LISTS = ("favourites", "monitor")
"""The prepared contents a group distributes."""
ROLES = ("leader", "deputy")


class Attribute(NamedTuple):
    """
    One value of a group, with everything that files, commands and tables need to know of it.

    ``check`` turns what somebody wrote into the normal form, or raises InputError; ``sentence`` is the help of its
    option, ``metavar`` stands there for the value, which is one of ``words`` where there are any. ``switch`` are the
    two options of yes and no. One that ``is_optional`` can be taken away: ``none`` in a file, ``--no-…`` in a command.
    """

    name: str
    check: Callable[[str], Any]
    sentence: str
    metavar: str
    words: tuple[str, ...]
    switch: str
    is_optional: bool


def _attribute(
    check: Callable[[str], Any],
    sentence: str,
    metavar: str = "",
    *,
    words: tuple[str, ...] = (),
    switch: str = "",
    is_optional: bool = False,
    **default: Any,
) -> Any:
    """Declare an attribute of a group; ``default`` is what a new group has."""
    metadata = {"attribute": (check, sentence, metavar, words, switch, is_optional)}
    return field(metadata=metadata, **default)


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A user; ``levels`` are what this user grants, by the name of the other user."""

    display_name: str
    services: tuple[str, ...] = ()
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line; ``user`` is its user's name."""

    user: str
    kind: str
    account: str


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """
    A group; members and superiors are names of users.

    Its attributes are declared here, once: columns, files, options, display and export follow from that.
    """

    domain: str = _attribute(stored_domain, "default: the setting default_domain", "DOMAIN")
    number: str | None = _attribute(normal_number, "the group number", "NUMBER", is_optional=True, default=None)
    is_active: bool = _attribute(
        values.flag,
        "the master switch: a group that is inactive rings nobody and gives nothing",
        switch="--active/--inactive",
        default=True,
    )
    hunt_mode: str = _attribute(
        values.hunt_mode, ", ".join(HuntMode), "MODE", words=tuple(HuntMode), default=HuntMode.DISABLED.value
    )
    ring_timeout_s: int = _attribute(
        values.ring_timeout_s, "how long it rings, in seconds", "SECONDS", default=RING_TIMEOUT_DEFAULT_S
    )
    ringback: str = _attribute(
        ringback,
        "what the caller hears: a tone, its name (us-ring), a file; none: the switch's own",
        "TEXT",
        default="",
    )
    member_level: str = _attribute(
        values.level,
        f"what members have on one another: {', '.join(LEVEL_WORDS)}",
        "LEVEL",
        words=LEVEL_WORDS,
        default="public",
    )
    missed_shared: bool = _attribute(
        values.flag,
        "whether a missed call that one has handled is handled for all",
        switch="--missed-shared/--missed-own",
        default=True,
    )
    lamp: bool = _attribute(
        values.flag,
        "whether phones that watch the group number are told that it rings and talks",
        switch="--lamp/--no-lamp",
        default=False,
    )
    joinable: bool = _attribute(
        values.flag,
        "whether a ringing call can be joined: by phones that register late, and by pickup",
        switch="--joinable/--not-joinable",
        default=False,
    )
    wait_for_phones: bool = _attribute(
        values.flag,
        "joinable, and nobody is registered: whether the caller waits for phones, up to the ring limit",
        switch="--wait-for-phones/--overflow-at-once",
        default=False,
    )
    members: tuple[str, ...] = ()
    leader: Superior | None = None
    deputy: Superior | None = None
    services: tuple[str, ...] = ()
    favourites: tuple[Content, ...] = ()
    monitor: tuple[Content, ...] = ()
    overflows: Mapping[Outcome, Overflow] = field(default_factory=dict)

    def users(self) -> set[str]:
        """Return the names of everybody whom the group names, in whatever way."""
        superiors = {it.user for it in (self.leader, self.deputy) if it is not None}
        return superiors.union(self.members, (it.user for it in (*self.favourites, *self.monitor) if it.user))


ATTRIBUTES: tuple[Attribute, ...] = tuple(
    Attribute(it.name, *it.metadata["attribute"]) for it in dataclasses.fields(StoredGroup) if it.metadata
)
ATTRIBUTE_NAMES: tuple[str, ...] = tuple(it.name for it in ATTRIBUTES)


@dataclass(slots=True)
class Inventory:
    """
    Everything, or a part of it; ``services`` are descriptions by name.

    ``renamed`` are the things that this configuration has under another name than the one it was made of: their kind
    (``users``, ``lines``, ``groups``) and the new key, and the old one.
    """

    services: dict[str, str] = field(default_factory=dict)
    users: dict[str, StoredUser] = field(default_factory=dict)
    lines: dict[Key, StoredLine] = field(default_factory=dict)
    groups: dict[str, StoredGroup] = field(default_factory=dict)
    renamed: dict[tuple[str, Any], Any] = field(default_factory=dict)

    def copy(self) -> Inventory:
        """Return one that can be changed without changing this one."""
        return Inventory(dict(self.services), dict(self.users), dict(self.lines), dict(self.groups), dict(self.renamed))

    def without(self, other: Inventory) -> Inventory:
        """Return those things of this configuration that another one does not hold."""
        return Inventory(
            {name: text for name, text in self.services.items() if name not in other.services},
            {name: user for name, user in self.users.items() if name not in other.users},
            {key: line for key, line in self.lines.items() if key not in other.lines},
            {name: group for name, group in self.groups.items() if name not in other.groups},
        )

    def along_with(self, other: Inventory) -> Inventory:
        """Return one that holds the things of both."""
        return Inventory(
            self.services | other.services,
            self.users | other.users,
            self.lines | other.lines,
            self.groups | other.groups,
            self.renamed,
        )

    def renamed_like(self, other: Inventory, kinds: Collection[str] = ("users", "lines", "groups")) -> Inventory:
        """Return this configuration with the names that another one has given to things of these kinds."""
        found = self
        for (kind, new), old in other.renamed.items():
            found = found.renaming(kind, old, new) if kind in kinds else found
        return found

    def renaming(self, kind: str, old: Any, new: Any) -> Inventory:
        """Return a configuration in which one thing has another name, wherever it is named, and which says so."""
        wanted = self.copy()
        wanted.renamed[kind, new] = wanted.renamed.pop((kind, old), old)
        things: dict[Any, Any] = getattr(wanted, kind)
        if old in things:
            things[new] = things.pop(old)
        if kind == "users":
            wanted.users = {name: _levels_renamed(user, old, new) for name, user in wanted.users.items()}
            wanted.lines = {
                key: replace(line, user=new) if line.user == old else line for key, line in wanted.lines.items()
            }
            wanted.groups = {name: _user_renamed(group, old, new) for name, group in wanted.groups.items()}
        return wanted


def _levels_renamed(user: StoredUser, old: str, new: str) -> StoredUser:
    if old not in user.levels:
        return user
    return replace(user, levels={new if name == old else name: level for name, level in user.levels.items()})


def _user_renamed(group: StoredGroup, old: str, new: str) -> StoredGroup:
    def superior(it: Superior | None) -> Superior | None:
        return it._replace(user=new) if it is not None and it.user == old else it

    def contents(its: tuple[Content, ...]) -> tuple[Content, ...]:
        return tuple(it._replace(user=new) if it.user == old else it for it in its)

    return replace(
        group,
        members=tuple(new if name == old else name for name in group.members),
        leader=superior(group.leader),
        deputy=superior(group.deputy),
        favourites=contents(group.favourites),
        monitor=contents(group.monitor),
    )
