"""Edits, rules and differences are pure: from one configuration to the next, and what lies between."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import Overflow, OverflowAction
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.provisioning.differences import Difference, differences
from esl_huntgroup.provisioning.edits import groups, people, services
from esl_huntgroup.provisioning.model import Inventory, StoredGroup, StoredLine, StoredUser
from esl_huntgroup.provisioning.rules import problems
from esl_huntgroup.provisioning.values import Content, Superior

PBX = "pbx.example"
Edit = Callable[[Inventory], Inventory]


def firm() -> Inventory:
    return Inventory(
        services={"fax": "Fax by mail"},
        users={"anna": StoredUser("A", ("fax",), {"ben": "team"}), "ben": StoredUser("B"), "eve": StoredUser("E")},
        lines={(PBX, "101"): StoredLine("anna", "softphone", "101")},
        groups={
            "Vertrieb": StoredGroup(
                PBX, "700", hunt_mode="softphone", members=("anna", "ben"), leader=Superior("anna", "team"),
                services=("fax",), favourites=(Content("anna"), Content(name="Taxi", number="110")),
            )
        },
    )  # fmt: skip


EDITS: list[Edit] = [
    lambda now: people.add_user(now, "zoe"),
    lambda now: people.change_user(now, "anna", new_name="zoe", display_name="Zoe"),
    lambda now: people.remove_user(now, "anna"),
    lambda now: people.add_line(now, "ben", (PBX, "102")),
    lambda now: people.change_line(now, (PBX, "101"), new_number="103", user="ben"),
    lambda now: people.remove_line(now, (PBX, "101")),
    lambda now: people.grant_level(now, "ben", "anna", "personal"),
    lambda now: people.remove_level(now, "anna", "ben"),
    lambda now: groups.add_group(now, "Neu", {"number": "800"}, default_domain=PBX),
    lambda now: groups.change_group(now, "Vertrieb", {"name": "Verkauf", "is_active": False, "leader": None}),
    lambda now: groups.remove_group(now, "Vertrieb"),
    lambda now: groups.add_members(now, "Vertrieb", ["eve"], position=1),
    lambda now: groups.move_member(now, "Vertrieb", "ben", 1),
    lambda now: groups.remove_members(now, "Vertrieb", ["ben"]),
    lambda now: groups.add_content(now, "monitor", "Vertrieb", Content("ben")),
    lambda now: groups.replace_content(now, "favourites", "Vertrieb", 2, Content("ben")),
    lambda now: groups.move_content(now, "favourites", "Vertrieb", 2, 1),
    lambda now: groups.remove_content(now, "favourites", "Vertrieb", 1),
    lambda now: services.add_service(now, "mail"),
    lambda now: services.change_service(now, "fax", "Fax"),
    lambda now: services.grant_service(now, "fax", [], ["ben"]),
    lambda now: services.revoke_service(now, "fax", ["Vertrieb"], ["anna"]),
    lambda now: services.remove_service(now, "fax"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_leaves_the_configuration_that_it_was_given(edit: Edit) -> None:
    now, before = firm(), firm()
    wanted = edit(now)
    assert now == before
    assert wanted != before
    assert differences(now, wanted)
    assert list(problems(now.renamed_like(wanted), wanted, ("softphone",))) == []


@pytest.mark.parametrize("edit", EDITS)
def test_the_same_configuration_differs_in_nothing(edit: Edit) -> None:
    wanted = edit(firm())
    wanted.renamed.clear()
    assert differences(wanted, copy.deepcopy(wanted)) == []


def test_who_goes_is_named_nowhere_any_more() -> None:
    wanted = people.remove_user(firm(), "anna")
    assert "anna" not in repr(wanted)


def test_who_is_renamed_is_named_so_everywhere_and_differs_in_nothing_else() -> None:
    now = firm()
    wanted = people.change_user(now, "anna", new_name="zoe")
    assert wanted.groups["Vertrieb"].members == ("zoe", "ben")
    assert wanted.lines[PBX, "101"].user == "zoe"
    (found,) = differences(now, wanted)
    assert (found.action, found.kind, found.key, found.new_key) == ("set", "user", ("anna",), ("zoe",))


MEMBERS = st.permutations("abcdefg")


def of_members(before: list[str], after: list[str]) -> list[Difference]:
    now, wanted = firm(), firm()
    now.groups["Vertrieb"] = StoredGroup(PBX, members=tuple(before))
    wanted.groups["Vertrieb"] = StoredGroup(PBX, members=tuple(after))
    return [it for it in differences(now, wanted) if it.kind == "member"]


@given(MEMBERS, st.integers(0, 6), st.integers(0, 6))
def test_one_member_who_moves_is_one_difference(before: list[str], at: int, to: int) -> None:
    after = list(before)
    after.insert(to, after.pop(at))
    assert len(of_members(before, after)) == (0 if after == before else 1)


@given(MEMBERS, MEMBERS, st.integers(0, 7), st.integers(0, 7))
def test_the_differences_of_members_make_one_list_of_the_other(
    old: list[str], new: list[str], olds: int, news: int
) -> None:
    before, after = old[:olds], new[:news]
    found = of_members(before, after)
    touched = {it.key[1] for it in found}
    rest = [user for user in before if user not in touched]
    for it in sorted((it for it in found if it.action != "remove"), key=lambda it: int(it.after)):
        rest.insert(int(it.after) - 1, it.key[1])
    assert rest == after


@pytest.mark.parametrize(
    ("edit", "path", "sentence"),
    [
        (
            lambda now: people.add_line(now, "ben", (PBX, "700")),
            None,
            "user 'ben' cannot have the line 700, it is the number of group 'Vertrieb': a free number is accepted",
        ),
        (
            lambda now: groups.add_group(now, "Neu", {"number": "101"}, default_domain=PBX),
            ("groups", "Neu", "number"),
            "group 'Neu' cannot have the number 101, it is a line of user 'anna': a free number is accepted",
        ),
        (
            lambda now: groups.change_group(now, "Vertrieb", {"deputy": "anna"}),
            ("groups", "Vertrieb", "deputy"),
            "the leader of group 'Vertrieb' cannot be its deputy too: another user is accepted",
        ),
        (
            lambda now: groups.add_members(now, "Vertrieb", ["nobody"]),
            ("groups", "Vertrieb", "members", 2),
            "group 'Vertrieb' has the unknown user 'nobody': users of this file and of the database are accepted",
        ),
    ],
)
def test_a_rule_says_who_came_later(edit: Edit, path: tuple[str | int, ...] | None, sentence: str) -> None:
    if path is None:
        with pytest.raises(InputError) as refused:
            edit(firm())
        assert str(refused.value) == sentence
        return
    (problem,) = problems(firm(), edit(firm()), ("softphone",))
    assert (tuple(problem.path), problem.sentence) == (path, sentence)


def test_what_was_wrong_before_does_not_hinder_what_is_right() -> None:
    now = firm()
    now.groups["Vertrieb"] = StoredGroup(PBX, leader=Superior("eve", "team"), deputy=Superior("eve", "team"))
    wanted = groups.change_group(now, "Vertrieb", {"ring_timeout_s": "20"})
    assert list(problems(now, wanted, ("softphone",))) == []


# -- an overflow that leads back to its own group ---------------------------------------------------------------------

TO_ITSELF = "the overflow no_answer of group 'Vertrieb' cannot be its own number 700: another extension is accepted"


def overflowing(target: str, action: OverflowAction = OverflowAction.TRANSFER) -> Inventory:
    return groups.change_group(firm(), "Vertrieb", {"overflow": [f"no_answer={action.value}:{target}"]})


def refused(current: Inventory, wanted: Inventory) -> list[tuple[tuple[str | int, ...], str]]:
    return [(tuple(it.path), it.sentence) for it in problems(current, wanted, ("softphone",))]


@pytest.mark.parametrize("target", ["700", "700 XML default", f"700 XML {PBX}", "700 XML Default", "7-00 XML default"])
def test_the_overflow_of_a_group_to_its_own_number_is_refused(target: str) -> None:
    found = refused(firm(), overflowing(target))
    assert found == [(("groups", "Vertrieb", "overflow", "no_answer"), TO_ITSELF)]


@pytest.mark.parametrize(
    "target",
    ["701", "7000", "+700", "hangup", "700 XML voicemail", "700 XML other.example", f"701 XML {PBX}"],
)
def test_an_overflow_that_may_lead_elsewhere_is_accepted(target: str) -> None:
    assert refused(firm(), overflowing(target)) == []


def test_a_response_that_looks_like_the_number_of_the_group_is_no_way_back() -> None:
    now = firm()
    now.groups["Vertrieb"] = StoredGroup(PBX, "486", hunt_mode="softphone")
    wanted = groups.change_group(now, "Vertrieb", {"overflow": ["all_busy=respond:486", "no_answer=dialplan"]})
    assert refused(now, wanted) == []


@pytest.mark.parametrize("given", [{"number": "700"}, {"number": "700", "domain": PBX}])
def test_a_group_does_not_get_the_number_that_it_overflows_to(given: dict[str, object]) -> None:
    now = firm()
    to_700 = {Outcome.NO_ANSWER: Overflow(OverflowAction.TRANSFER, f"700 XML {PBX}")}
    now.groups["Vertrieb"] = StoredGroup(
        "other.example" if "domain" in given else PBX, "701", hunt_mode="softphone", overflows=to_700
    )
    assert refused(now, groups.change_group(now, "Vertrieb", given)) == [
        (("groups", "Vertrieb", "overflow", "no_answer"), TO_ITSELF)
    ]


def test_a_group_without_a_number_overflows_where_it_likes() -> None:
    wanted = groups.change_group(
        firm(), "Vertrieb", {"number": None, "hunt_mode": "disabled", "overflow": ["no_answer=transfer:700"]}
    )
    assert refused(firm(), wanted) == []


def test_two_groups_that_overflow_to_one_another_are_accepted() -> None:
    now = groups.add_group(overflowing("701"), "Einkauf", {"number": "701"}, default_domain=PBX)
    wanted = groups.change_group(now, "Einkauf", {"overflow": ["no_answer=transfer:700"]})
    assert refused(firm(), wanted) == []


def test_an_overflow_that_was_there_before_hinders_no_other_change() -> None:
    now = firm()
    there = {Outcome.NO_ANSWER: Overflow(OverflowAction.TRANSFER, "700 XML default")}
    now.groups["Vertrieb"] = StoredGroup(PBX, "700", hunt_mode="softphone", overflows=there)
    assert refused(now, groups.change_group(now, "Vertrieb", {"ring_timeout_s": "20"})) == []


@pytest.mark.parametrize("target", [" ", "700x", "7 0 0", "XML default"])
def test_a_target_that_somebody_wrote_into_the_database_is_read_whatever_it_is(target: str) -> None:
    now = firm()
    there = {Outcome.NO_ANSWER: Overflow(OverflowAction.TRANSFER, target)}
    now.groups["Vertrieb"] = StoredGroup(PBX, "701", hunt_mode="softphone", overflows=there)
    assert refused(now, groups.change_group(now, "Vertrieb", {"number": "700"})) == []
