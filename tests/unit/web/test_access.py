"""Who may see what: own entries, the journal of a group by its lead and a service, colleagues by level."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.model.permissions import Level, Role
from esl_huntgroup.web.access import Access, Colleagues, OwnGroup, access

ROLES = st.frozensets(st.sampled_from([Role.MEMBER, Role.LEADER, Role.DEPUTY]), min_size=1)
GROUPS = st.lists(
    st.builds(
        OwnGroup, st.integers(1, 20), st.just("g"), st.just("700"), st.just("d"), st.booleans(), st.booleans(), ROLES
    ),
    max_size=6,
)


def own_group(*roles: Role, is_active: bool = True, has_journal: bool = True) -> OwnGroup:
    return OwnGroup(7, "Vertrieb", "700", "example.org", is_active, has_journal, frozenset(roles))


@pytest.mark.parametrize("role", [Role.LEADER, Role.DEPUTY])
def test_leader_and_deputy_see_the_journal_of_an_active_group_with_the_service(role: Role) -> None:
    seen = access(1, [own_group(role)])
    assert seen.sees_journal(7)
    assert seen.sees_group_page(7)
    assert seen.sees_call(7, [2, 3])
    assert not seen.sees_journal(8)
    assert not seen.sees_journal(None)


@pytest.mark.parametrize(
    "group",
    [
        own_group(Role.MEMBER),
        own_group(Role.LEADER, is_active=False),
        own_group(Role.LEADER, has_journal=False),
        own_group(Role.MEMBER, Role.DEPUTY, has_journal=False),
    ],
    ids=["a member", "leader of a group that is off", "leader without the service", "deputy without the service"],
)
def test_nobody_else_sees_anything_of_others(group: OwnGroup) -> None:
    seen = access(1, [group])
    assert not seen.sees_journal(7)
    assert not seen.sees_group_page(7)
    assert not seen.sees_call(7, [2, 3, None])


def test_everybody_sees_the_own_entries() -> None:
    assert Access(1).sees_call(None, [2, 1])
    assert Access(1).sees_call(7, [1])
    assert not Access(1).sees_call(7, [])


def test_an_administrator_sees_every_group_page_and_no_entry_of_others() -> None:
    seen = access(1, [], is_administrator=True)
    assert seen.sees_group_page(7)
    assert not seen.sees_journal(7)
    assert not seen.sees_call(7, [2])


@given(GROUPS)
def test_what_is_taken_away_is_gone(groups: list[OwnGroup]) -> None:
    assert not access(1, [dataclasses.replace(group, has_journal=False) for group in groups]).journal_groups
    assert not access(1, [dataclasses.replace(group, is_active=False) for group in groups]).journal_groups
    fewer = access(1, groups[1:])
    assert fewer.journal_groups <= access(1, groups).journal_groups


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.BLOCKED, (False, False, False)),
        (Level.PUBLIC, (True, False, False)),
        (Level.BUSINESS, (True, True, False)),
        (Level.TEAM, (True, True, True)),
        (Level.PERSONAL, (True, True, True)),
    ],
)
def test_presence_and_numbers_of_a_colleague_are_seen_by_level(level: Level, expected: Iterable[bool]) -> None:
    seen = Colleagues(1, {2: level}, {2: ("102@d", "202@d")})
    assert (seen.sees_presence(2), seen.sees_line(2, "102@d"), seen.sees_line(2, "202@d")) == expected
    assert seen.sees_line(2, "302@d") is seen.sees_line(2, "202@d")


def test_of_oneself_everything_is_seen_and_of_somebody_who_is_gone_nothing() -> None:
    seen = Colleagues(1)
    assert seen.sees_presence(1)
    assert seen.sees_line(1, "101@d")
    assert not seen.sees_presence(2)
    assert not seen.sees_presence(None)
    assert not seen.sees_line(None, "101@d")
