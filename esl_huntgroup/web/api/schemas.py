"""
PURE: what goes into the API and comes out, as marshmallow schemas; the OpenAPI document follows from them.

Times are ISO 8601 in UTC with milliseconds, durations milliseconds. Texts of callers are as they came: whoever shows
them has to escape them.
"""

from __future__ import annotations

import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from esl_huntgroup.model.call_ids import is_call_id
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.model.permissions import Role
from esl_huntgroup.web.reading.filters import LIMIT_DEFAULT, LIMIT_MAX, SEARCH_MAX_CHARS

ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def iso(at_ms: int | None) -> str | None:
    """Return a time in ISO 8601, UTC."""
    if at_ms is None:
        return None
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).isoformat(timespec="milliseconds")


class Moment(fields.Field[int]):
    """Milliseconds since 1970, told in ISO 8601."""

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return iso(value)


def _words(kind: Any, about: str, *, may_be_null: bool = False) -> fields.String:
    return fields.String(
        validate=validate.OneOf([str(it.value) for it in kind]),
        allow_none=may_be_null,
        metadata={"description": about},
    )


def _moment(about: str, *, may_be_null: bool = False) -> Moment:
    return Moment(allow_none=may_be_null, metadata={"description": about})


def _text(about: str, **more: Any) -> fields.String:
    return fields.String(metadata={"description": about}, **more)


def _number(about: str, *, may_be_null: bool = False) -> fields.Integer:
    return fields.Integer(allow_none=may_be_null, metadata={"description": about})


# -- out --------------------------------------------------------------------------------------------------------------


class HandledOut(Schema):
    """When, by whom and how a missed call was dealt with."""

    at = _moment("when")
    by_name = _text("by whom")
    how = fields.String(
        validate=validate.OneOf(["by_hand", "called_back", "called_again"]),
        metadata={"description": "somebody said so, called back, or spoke with the caller when he called again"},
    )


class EntryOut(Schema):
    """One member's view of a call."""

    user_id = _number("the member; null where the user is gone", may_be_null=True)
    user_name = _text("the member's name, as it was")
    kind = _words(EntryKind, "how this member sees the call")
    rang = fields.Boolean(metadata={"description": "whether a phone of this member rang"})
    cause = _text("hangup cause of the member's phone")
    handled = fields.Nested(HandledOut, allow_none=True, metadata={"description": "null: nobody has dealt with it"})


class CallerOut(Schema):
    """Who called. Both texts come from outside, and may be anything."""

    name = _text("as the call brought it, or empty")
    number = _text("as the call brought it; empty where it is withheld")


class GroupThenOut(Schema):
    """The group as it was when the call came."""

    id = _number("null where the group is gone", may_be_null=True)
    name = _text("its name")
    number = _text("its number")
    domain = _text("its domain")


class CallOut(Schema):
    """A group call, as one reader sees it."""

    call_id = _text("its id; ids sort by time", validate=validate.Regexp(f"^{ID}$"))
    arrived_at = _moment("when it came")
    answered_at = _moment("when it was answered", may_be_null=True)
    ended_at = _moment("when it ended", may_be_null=True)
    group = fields.Nested(GroupThenOut)
    caller = fields.Nested(CallerOut)
    state = _words(CallState, "where the call is now")
    outcome = _words(Outcome, "how it ended; null until then", may_be_null=True)
    answered_by_name = _text("who took it; empty: nobody")
    wait_ms = _number("how long the caller waited; null while it rings", may_be_null=True)
    talk_ms = _number("how long they talked; null until the end", may_be_null=True)
    overflow = _text("where the caller went when nobody answered: dialplan, transfer or respond, and the target")
    ringing = fields.List(fields.String(), metadata={"description": "whose phones ring now"})
    entry = fields.Nested(EntryOut, allow_none=True, metadata={"description": "your own entry; null: there is none"})
    entries = fields.List(
        fields.Nested(EntryOut),
        allow_none=True,
        metadata={"description": "the entries of all members; null where you see your own only"},
    )


class JournalOut(Schema):
    """A page of a journal; the header Link has the pages beside it."""

    items = fields.List(fields.Nested(CallOut))


class LegOut(Schema):
    """A phone in a call."""

    line = _text("ACCOUNT@DOMAIN; null where you may not see this number", allow_none=True)
    rang = fields.Boolean(allow_none=True, metadata={"description": "null where you are not told"})
    cause = _text("its hangup cause; null where you are not told", allow_none=True)
    said = _text("what became of it, in words; null where you are not told", allow_none=True)


class MemberOut(Schema):
    """A member in a call, with the phones."""

    user_id = _number("null where the user is gone", may_be_null=True)
    user_name = _text("the member's name, as it was")
    said = _text("what became of a member without a phone in the call; null where you are not told", allow_none=True)
    legs = fields.List(fields.Nested(LegOut))


class CallDetailsOut(CallOut):
    """A call with every member and every phone, as far as you may see them."""

    went_on = _text("where the caller went, in words; empty: nowhere")
    members = fields.List(fields.Nested(MemberOut))


class GroupOut(Schema):
    """A group that you have a role in; for administrators every group."""

    id = fields.Integer()
    name = fields.String()
    number = _text("empty for a group that is no hunt group")
    domain = fields.String()
    is_active = fields.Boolean()
    roles = fields.List(
        fields.String(validate=validate.OneOf([Role.MEMBER.value, Role.LEADER.value, Role.DEPUTY.value]))
    )
    sees_journal = fields.Boolean(metadata={"description": "whether you see all entries of its calls"})
    sees_statistics = fields.Boolean(metadata={"description": "whether you see its figures"})


class GroupsOut(Schema):
    """Groups by name."""

    items = fields.List(fields.Nested(GroupOut))


class MeOut(Schema):
    """Who you are."""

    user_id = fields.Integer()
    name = fields.String()
    display_name = fields.String()
    is_administrator = fields.Boolean()
    scopes = fields.List(
        fields.String(), allow_none=True, metadata={"description": "of the token; null: everything that you may"}
    )
    unhandled = _number("missed calls that nobody has dealt with, counted up to 100")


class CountOut(Schema):
    """Calls; those that are neither answered nor missed are not over."""

    calls = fields.Integer()
    answered = fields.Integer()
    missed = fields.Integer()


class WaitedOut(CountOut):
    """Calls whose callers waited from ``from_s`` to ``until_s`` seconds."""

    from_s = fields.Integer()
    until_s = fields.Integer(allow_none=True)


class HourOut(CountOut):
    """Calls of an hour of the day."""

    hour = fields.Integer(validate=validate.Range(0, 23))


class WeekdayOut(CountOut):
    """Calls of a weekday: 1 is Monday."""

    weekday = fields.Integer(validate=validate.Range(1, 7))


class OutcomeOut(Schema):
    """Calls that ended so."""

    outcome = _words(Outcome, "how they ended")
    calls = fields.Integer()


class MemberFiguresOut(Schema):
    """One member's calls."""

    user_id = fields.Integer(allow_none=True)
    user_name = fields.String()
    calls = fields.Integer()
    answered = fields.Integer()
    answered_elsewhere = fields.Integer()
    missed = fields.Integer()
    not_signalled = fields.Integer()
    wait_ms = _number("how long the callers waited whom this member answered, together")
    talk_ms = _number("how long this member talked, together")


class StatisticsOut(Schema):
    """The figures of a group in a period."""

    from_ = _moment("the beginning")
    until = _moment("the end, which does not belong to it")
    timezone = _text("whose hours and weekdays these are")
    total = fields.Nested(CountOut)
    wait_ms = _number("how long the callers waited who were answered, together")
    talk_ms = _number("how long all talked, together")
    waits = fields.List(fields.Nested(WaitedOut))
    by_hour = fields.List(fields.Nested(HourOut))
    by_weekday = fields.List(fields.Nested(WeekdayOut))
    by_outcome = fields.List(fields.Nested(OutcomeOut))
    members = fields.List(fields.Nested(MemberFiguresOut))


StatisticsOut._declared_fields["from_"].data_key = "from"  # the word is taken in Python


class TokenOut(Schema):
    """A token of the API, without its secret."""

    id = fields.Integer()
    name = fields.String()
    scopes = fields.List(fields.String())
    created_at = Moment()
    expires_at = Moment()
    used_at = _moment("when it was used last; null: never", may_be_null=True)


class TokensOut(Schema):
    """Your tokens."""

    items = fields.List(fields.Nested(TokenOut))


class NewTokenOut(TokenOut):
    """A new token: its secret is told this once."""

    token = _text("the secret: Authorization: Bearer TOKEN")


class ProblemOut(Schema):
    """Why something was refused (RFC 9457)."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = _text("one sentence: what was read, why it is refused, what is accepted")


# -- in ---------------------------------------------------------------------------------------------------------------


class NoQuery(Schema):
    """Nothing may be asked for."""


class PeriodQuery(Schema):
    """From when until when."""

    from_ = _text("since when: 2026-11-22, 2026-11-22T18:30 or with a zone", data_key="from")
    until = _text("before when; a day without a time is its end")


class JournalQuery(PeriodQuery):
    """Which calls are wanted, named as Wazo's call-logd does."""

    search = _text(
        "in names and numbers of callers; a number in any writing", validate=validate.Length(max=SEARCH_MAX_CHARS)
    )
    number = _text("of the caller, in any writing", validate=validate.Length(max=SEARCH_MAX_CHARS))
    kind = _words(EntryKind, "how it was seen")
    unhandled = fields.String(
        validate=validate.OneOf(["true", "false"]), metadata={"description": "only what nobody has dealt with"}
    )
    order = fields.String(validate=validate.OneOf(["date"]), metadata={"description": "by what it is sorted"})
    direction = fields.String(
        validate=validate.OneOf(["asc", "desc"]), metadata={"description": "newest first (desc), or oldest"}
    )
    limit = fields.Integer(
        validate=validate.Range(1, LIMIT_MAX), metadata={"description": "calls of a page", "default": LIMIT_DEFAULT}
    )
    before = _text("only calls that are older than this one", validate=validate.Regexp(f"^{ID}$"))
    after = _text("only calls that are newer than this one", validate=validate.Regexp(f"^{ID}$"))
    format = fields.String(
        validate=validate.OneOf(["json", "csv"]), metadata={"description": "csv: everything that is wanted, as a table"}
    )


class OwnJournalQuery(JournalQuery):
    """Which of your own calls are wanted."""

    group = fields.Integer(metadata={"description": "only calls to this group"}, validate=validate.Range(1, 2**31 - 1))


class StatisticsQuery(PeriodQuery):
    """The period that is counted: the last thirty days, where nothing is said."""

    timezone = _text("whose hours and weekdays: Europe/Berlin, say; that of the server, where nothing is said")
    format = fields.String(validate=validate.OneOf(["json", "csv"]), metadata={"description": "csv: the members"})


class TokenIn(Schema):
    """A token that is wanted."""

    name = fields.String(required=True, validate=validate.Length(1, 64))
    scopes = fields.List(fields.String(validate=validate.OneOf(["journal", "handle", "events"])), required=True)
    days = fields.Integer(load_default=90, strict=True, validate=validate.Range(1, 366))


def is_id(text: str) -> bool:
    """Return whether this can be the id of a call."""
    return is_call_id(text.lower())
