"""The audit: a row with its change or none at all, and back again as it was written."""

from __future__ import annotations

import time

import peewee
import pytest

from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.audit import Change
from tests.database.rows import user

ZOE = {"display_name": "Zoë 日本 \u202e<&>", "lines": ["101"], "number": None, "is_active": True}


def test_what_was_recorded_is_read_newest_first(database: peewee.Database) -> None:
    before = time.time_ns() // 1_000_000
    audit.record(database, "root", Change("add", "user", "zoë", None, ZOE))
    audit.record(database, "anna", Change("remove", "user", "zoë", ZOE, None))
    second, first = audit.entries(database)
    assert first.change == Change("add", "user", "zoë", None, ZOE)
    assert second.change == Change("remove", "user", "zoë", ZOE, None)
    assert (first.who, second.who) == ("root", "anna")
    assert before <= first.at_ms <= second.at_ms


def test_the_changes_of_one_kind_name_and_time(database: peewee.Database) -> None:
    changes = [Change("add", kind, name, None, {}) for kind in ("user", "group") for name in ("a", "b")]
    audit.record(database, "root", *changes)
    assert [e.change.name for e in audit.entries(database, kind="group")] == ["b", "a"]
    assert [e.change.kind for e in audit.entries(database, name="a")] == ["group", "user"]
    assert [e.change.kind for e in audit.entries(database, kind="user", name="b")] == ["user"]
    assert len(audit.entries(database, limit=3)) == 3
    assert audit.entries(database, since_ms=audit.entries(database)[0].at_ms + 1) == []


def test_a_change_that_is_undone_leaves_no_row(database: peewee.Database) -> None:
    def change() -> None:
        with database.atomic():
            user(database, 1)
            audit.record(database, "root", Change("add", "user", "user1", None, {}))
            user(database, 1)

    with pytest.raises(peewee.IntegrityError):
        change()
    assert audit.entries(database) == []


def test_what_is_longer_than_mariadb_text_is_kept(database: peewee.Database) -> None:
    members = [f"user{number:060}" for number in range(2000)]
    audit.record(database, "root", Change("set", "group", "Vertrieb", {"members": []}, {"members": members}))
    (entry,) = audit.entries(database)
    assert entry.change.after == {"members": members}
