"""
PURE: the whole configuration as values: services, users, lines and groups, as they are or as they are to be.

Users, groups and services are known by name, lines by domain and number. Everything that has an order of its own
(members, favourites, monitor) keeps it; what has none (services) is sorted, so that equal is equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from esl_huntgroup.model.group import HuntMode, Overflow
from esl_huntgroup.model.limits import RING_TIMEOUT_DEFAULT_S
from esl_huntgroup.model.outcome import Outcome

Key = tuple[str, str]
"""Domain and number."""

MEMBER_LEVEL_DEFAULT = "public"
LISTS = ("favourites", "monitor")
"""The prepared contents a group distributes."""
ROLES = ("leader", "deputy")


class Superior(NamedTuple):
    """Who leads a group, or deputizes, and the level that this gives on the members."""

    user: str
    level: str


class Content(NamedTuple):
    """One place in a prepared list: a user, or somebody else with a name and a number."""

    user: str = ""
    name: str = ""
    number: str = ""


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
    """A group; members and superiors are names of users."""

    domain: str
    number: str | None = None
    is_active: bool = True
    hunt_mode: str = HuntMode.DISABLED.value
    ring_timeout_s: int = RING_TIMEOUT_DEFAULT_S
    ringback: str = ""
    member_level: str = MEMBER_LEVEL_DEFAULT
    members: tuple[str, ...] = ()
    leader: Superior | None = None
    deputy: Superior | None = None
    services: tuple[str, ...] = ()
    favourites: tuple[Content, ...] = ()
    monitor: tuple[Content, ...] = ()
    overflows: Mapping[Outcome, Overflow] = field(default_factory=dict)


@dataclass(slots=True)
class Inventory:
    """Everything; ``services`` are descriptions by name."""

    services: dict[str, str] = field(default_factory=dict)
    users: dict[str, StoredUser] = field(default_factory=dict)
    lines: dict[Key, StoredLine] = field(default_factory=dict)
    groups: dict[str, StoredGroup] = field(default_factory=dict)

    def copy(self) -> Inventory:
        """Return one that can be changed without changing this one."""
        return Inventory(dict(self.services), dict(self.users), dict(self.lines), dict(self.groups))
