"""The permission matrix, and that nobody can take away what another has given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.permissions import (
    LEAST_LEVEL,
    Level,
    Reason,
    Right,
    Role,
    SharedGroup,
    allows,
    effective,
    level,
    reasons,
    rights,
)

LEVELS = st.sampled_from(Level)
ROLES = st.sampled_from([Role.MEMBER, Role.LEADER, Role.DEPUTY])
GROUPS = st.lists(st.builds(SharedGroup, st.text(), st.booleans(), st.dictionaries(ROLES, LEVELS)), max_size=6)
GRANTS = st.none() | LEVELS

ALLOWED = {
    "blocked": [],
    "public": ["see presence"],
    "business": ["see public dates", "see numbers and forwarding of the first line"],
    "team": ["set presence", "pick up on the first line", "see numbers of the second line"],
    "personal": ["see private dates", "set forwarding", "pick up on the second line"],
}


def test_each_level_adds_its_rights_to_those_of_the_lower_ones() -> None:
    expected: list[str] = []
    for name, added in ALLOWED.items():
        expected += added
        assert [right.value for right, is_allowed in rights(level(name)).items() if is_allowed] == expected
    assert set(expected) == set(Right) == set(LEAST_LEVEL)


@given(LEVELS, LEVELS, st.sampled_from(Right))
def test_a_higher_level_never_allows_less(one: Level, other: Level, right: Right) -> None:
    low, high = sorted((one, other))
    assert allows(high, right) or not allows(low, right)


@given(GROUPS, GRANTS)
def test_the_highest_that_anything_active_gives_counts(groups: list[SharedGroup], grant: Level | None) -> None:
    given_levels = [its for group in groups if group.is_active for its in group.by_role.values()]
    expected = max([Level.BLOCKED, *given_levels, *([] if grant is None else [grant])])
    assert effective(reasons(groups, grant)) == expected


@given(GROUPS, GRANTS, LEVELS)
def test_a_grant_widens_and_never_narrows(groups: list[SharedGroup], before: Level | None, after: Level) -> None:
    without = effective(reasons(groups, None))
    assert effective(reasons(groups, after)) == max(without, after)
    assert effective(reasons(groups, before)) >= without


@given(GROUPS, st.builds(SharedGroup, st.text(), st.just(False), st.dictionaries(ROLES, LEVELS)), GRANTS)
def test_a_group_that_is_off_gives_nothing(groups: list[SharedGroup], off: SharedGroup, grant: Level | None) -> None:
    assert reasons([*groups, off], grant) == reasons(groups, grant)


@given(GROUPS, GRANTS)
def test_the_first_reason_is_the_one_that_counts(groups: list[SharedGroup], grant: Level | None) -> None:
    found = reasons(groups, grant)
    assert not found or found[0].level == effective(found)


def test_without_a_reason_a_user_is_blocked() -> None:
    assert effective(()) is Level.BLOCKED


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason(Level.TEAM, Role.LEADER, "Vertrieb"), "team as leader of 'Vertrieb'"),
        (Reason(Level.PUBLIC, Role.MEMBER, "日本"), "public as member of '日本'"),
        (Reason(Level.PERSONAL, Role.GRANT), "personal by the user's own grant"),
        (Reason(Level.PERSONAL, Role.SELF), "personal because it is the same user"),
    ],
)
def test_a_reason_in_words(reason: Reason, words: str) -> None:
    assert str(reason) == words


@pytest.mark.parametrize("text", ["", "Team", "all", "4"])
def test_an_unknown_level_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(InputError) as refused:
        level(text)
    assert str(refused.value) == f"{text!r} is not a level: blocked, public, business, team, personal are accepted"
