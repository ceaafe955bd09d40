"""The days before the demo, written into its journal as the journal's own process writes calls."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import peewee

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import Group, User
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord, JournalRecord, LegRecord
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.simulator.everyday import Past, past
from esl_huntgroup.simulator.showcase import DOMAIN, GROUP_NUMBER, MEMBERS, PEOPLE

_SEED = 7
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Firm:
    group_id: int
    group_name: str
    user_ids: Mapping[str, int]


def write(db: peewee.Database, now_ms: int) -> None:
    """Write the calls of the days before. Raises peewee's exceptions."""
    ((group_id, group_name),) = fetch(db, Group.select(Group.id, Group.name).where(Group.number == GROUP_NUMBER))
    ids = dict(fetch(db, User.select(User.display_name, User.id)))
    firm = _Firm(group_id, group_name, {account: ids[name] for account, name in PEOPLE.items()})
    chance, store = random.Random(_SEED), JournalStore(db)
    records = [record for it in past(chance, now_ms) for record in _records(it, firm, chance)]
    for start in range(0, len(records), _AT_ONCE):
        store.write(records[start : start + _AT_ONCE])


def _records(it: Past, firm: _Firm, chance: random.Random) -> Iterator[JournalRecord]:
    call_id = f"{first_at(it.at_ms)[:13]}-7000-8000-{chance.getrandbits(48):012x}"
    channel = f"{call_id[:-12]}{chance.getrandbits(48):012x}"
    caller = it.caller
    yield CallOpened(
        *(call_id, "demo", channel, firm.group_id, firm.group_name, GROUP_NUMBER, DOMAIN, caller.number, caller.name),
        arrived_at_ms=it.at_ms,
    )
    legs = tuple(_leg(number, account, it, firm) for number, account in enumerate(it.rang, 1))
    entries = tuple(_entry(position, account, it, firm) for position, account in enumerate(MEMBERS, 1))
    end_ms = it.at_ms + it.wait_ms + it.talk_ms
    if it.answered_by:
        winner = firm.user_ids[it.answered_by], PEOPLE[it.answered_by]
        yield CallAnswered(call_id, it.at_ms + it.wait_ms, it.wait_ms, *winner, legs, entries)
        yield CallEnded(call_id, end_ms, it.wait_ms, it.talk_ms, it.outcome, "NORMAL_CLEARING", "")
    else:
        yield CallEnded(call_id, end_ms, it.wait_ms, 0, it.outcome, "", "dialplan", legs, entries)


def _leg(number: int, account: str, it: Past, firm: _Firm) -> LegRecord:
    contact = f"sip:{account}@127.0.0.1:{int(account) + 4000}"
    return LegRecord(number, firm.user_ids[account], f"{account}@{DOMAIN}", contact, _cause(account, it), rang=True)


def _entry(position: int, account: str, it: Past, firm: _Firm) -> EntryRecord:
    rang = account in it.rang
    if it.answered_by:
        kind = EntryKind.ANSWERED if account == it.answered_by else EntryKind.ANSWERED_ELSEWHERE
    else:
        kind = EntryKind.MISSED if rang else EntryKind.NOT_SIGNALLED
    return EntryRecord(
        position, firm.user_ids[account], PEOPLE[account], kind, rang, _cause(account, it) if rang else ""
    )


def _cause(account: str, it: Past) -> str:
    if account == it.answered_by:
        return "NONE"
    return "LOSE_RACE" if it.answered_by else "NO_ANSWER"
