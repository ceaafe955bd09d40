"""An attribute of a group is declared once: everything that administrators see of it follows."""

from __future__ import annotations

from typing import Any

import pytest

from esl_huntgroup.cli.group import group_tree
from esl_huntgroup.db.tables import Group
from esl_huntgroup.provisioning.model import ATTRIBUTES, Attribute, Inventory, StoredGroup
from esl_huntgroup.provisioning.schemas import FILE, GroupSchema
from esl_huntgroup.provisioning.serialize import exported
from esl_huntgroup.provisioning.shown import whole_group

each = pytest.mark.parametrize("attribute", ATTRIBUTES, ids=[it.name for it in ATTRIBUTES])
WRITTEN = {
    "domain": "pbx.example",
    "number": "7 00",
    "is_active": "false",
    "hunt_mode": "softphone",
    "ring_timeout_s": "20",
    "ringback": "%(1000,4000,425)",
    "member_level": "team",
    "missed_shared": "false",
    "lamp": "true",
    "joinable": "true",
    "wait_for_phones": "true",
}
"""What somebody may write, other than what a new group has."""


@each
def test_it_has_a_column(attribute: Attribute) -> None:
    meta: Any = Group._meta
    assert meta.fields[attribute.name].null == attribute.is_optional


@each
def test_it_is_a_key_of_a_file_and_of_the_export(attribute: Attribute) -> None:
    written = WRITTEN[attribute.name]
    (read,) = FILE.load({"groups": [{"name": "Vertrieb", attribute.name: written}]})["groups"]
    assert read[attribute.name] == attribute.check(written)
    group = StoredGroup(**{"domain": "", **{attribute.name: read[attribute.name]}})
    (item,) = exported(Inventory(groups={"Vertrieb": group}))["groups"]
    assert item[attribute.name] == read[attribute.name]
    if attribute.is_optional:
        (read,) = FILE.load({"groups": [{"name": "Vertrieb", attribute.name: "none"}]})["groups"]
        assert read[attribute.name] is None


@each
def test_it_is_an_option_of_both_commands_and_is_shown(attribute: Attribute) -> None:
    for verb in ("add", "set"):
        options = {param.name: param for param in group_tree.commands[verb].params}
        assert getattr(options[attribute.name], "help", "") == attribute.sentence
        assert (f"no_{attribute.name}" in options) == (attribute.is_optional and verb == "set")
    assert attribute.name in whole_group("Vertrieb", StoredGroup("pbx.example"))


def test_the_name_of_a_group_comes_first() -> None:
    assert next(iter(GroupSchema().fields)) == "name"
