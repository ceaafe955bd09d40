"""
The tables, as peewee sees them.

The migrations define the tables, with their checks and triggers; these classes only name them for queries, and a test
holds the one against the other. Queries say which database they run on (``query.execute(db)``): the models are bound
to nothing, so a forgotten database is an error and never the wrong database.

Times end in ``_at_ms``: milliseconds since the epoch, UTC. Durations end in ``_ms``.
"""

from __future__ import annotations

import peewee

from esl_huntgroup.model.limits import (
    DESCRIPTION_MAX_CHARS,
    DISPLAY_NAME_MAX_CHARS,
    GROUP_NAME_MAX_CHARS,
    RING_TIMEOUT_DEFAULT_S,
    RINGBACK_MAX_CHARS,
    SERVICE_NAME_MAX_CHARS,
    TARGET_MAX_CHARS,
    USER_NAME_MAX_CHARS,
)


class Table(peewee.Model):
    """What all tables share: they are bound to no database."""

    class Meta:
        database = peewee.DatabaseProxy()
        legacy_table_names = False


class User(Table):
    """A person. ``name`` is the key in files and commands, ``display_name`` is what people read."""

    id = peewee.AutoField()
    name = peewee.CharField(USER_NAME_MAX_CHARS, unique=True)
    display_name = peewee.CharField(DISPLAY_NAME_MAX_CHARS)

    class Meta:
        table_name = "users"


class Line(Table):
    """A number at which one user is reached; ``account@domain`` is what registers."""

    id = peewee.AutoField()
    user = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    domain = peewee.CharField(253)
    number = peewee.CharField(32)
    kind = peewee.CharField(16, default="softphone")
    account = peewee.CharField(64)

    class Meta:
        table_name = "lines"


class Group(Table):
    """
    A user group; a hunt group as well when its ``hunt_mode`` is not ``disabled``.

    One that is not ``is_active`` rings nobody and gives nobody anything. ``member_level`` is what members have on one
    another.
    """

    id = peewee.AutoField()
    name = peewee.CharField(GROUP_NAME_MAX_CHARS, unique=True)
    domain = peewee.CharField(253)
    number = peewee.CharField(32, null=True)
    hunt_mode = peewee.CharField(16, default="disabled")
    ring_timeout_s = peewee.IntegerField(default=RING_TIMEOUT_DEFAULT_S)
    ringback = peewee.CharField(RINGBACK_MAX_CHARS, default="")
    is_active = peewee.BooleanField(default=True)
    member_level = peewee.CharField(16, default="public")
    missed_shared = peewee.BooleanField(default=True)
    lamp = peewee.BooleanField(default=False)
    joinable = peewee.BooleanField(default=False)
    wait_for_phones = peewee.BooleanField(default=False)

    class Meta:
        table_name = "groups"


class Number(Table):
    """Who owns a number. Written by the triggers of ``lines`` and ``groups`` alone."""

    domain = peewee.CharField(253)
    number = peewee.CharField(32)
    owner_kind = peewee.CharField(8)
    owner_id = peewee.IntegerField()

    class Meta:
        table_name = "numbers"
        primary_key = peewee.CompositeKey("domain", "number")


class Member(Table):
    """A user in a group, at a position that starts with 1."""

    group = peewee.ForeignKeyField(Group, on_delete="CASCADE")
    position = peewee.IntegerField()
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")

    class Meta:
        table_name = "members"
        primary_key = peewee.CompositeKey("group", "position")


class Overflow(Table):
    """Where the callers of a group go after one outcome. An outcome without a row: back to the dialplan."""

    group = peewee.ForeignKeyField(Group, on_delete="CASCADE")
    outcome = peewee.CharField(24)
    action = peewee.CharField(16)
    target = peewee.CharField(TARGET_MAX_CHARS, default="")

    class Meta:
        table_name = "overflows"
        primary_key = peewee.CompositeKey("group", "outcome")


class Call(Table):
    """
    One group call. Names and numbers are as they were then; the ids are gone when the user or group is.

    ``ringing`` is a JSON list of the users whose phones were made to ring; of a call that is over it says nothing.
    """

    call_id = peewee.FixedCharField(36, primary_key=True)
    node = peewee.CharField(255)
    worker = peewee.CharField(96, default="")
    channel_uuid = peewee.CharField(128)
    group = peewee.ForeignKeyField(Group, null=True, on_delete="SET NULL")
    group_name = peewee.CharField(128)
    group_number = peewee.CharField(32)
    group_domain = peewee.CharField(253)
    caller_number = peewee.CharField(128)
    caller_name = peewee.CharField(128)
    arrived_at_ms = peewee.BigIntegerField()
    answered_at_ms = peewee.BigIntegerField(null=True)
    ended_at_ms = peewee.BigIntegerField(null=True)
    wait_ms = peewee.BigIntegerField(null=True)
    talk_ms = peewee.BigIntegerField(null=True)
    answered_by_user = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    answered_by_name = peewee.CharField(128, default="")
    outcome = peewee.CharField(24, null=True)
    cause = peewee.CharField(64, default="")
    overflow = peewee.CharField(255, default="")
    ringing = peewee.TextField(null=True)

    class Meta:
        table_name = "calls"


class Leg(Table):
    """One destination that a group call rang, or could not ring."""

    call = peewee.ForeignKeyField(Call, on_delete="CASCADE")
    number = peewee.IntegerField()
    user = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    line = peewee.CharField(320)
    contact = peewee.CharField(1024)
    cause = peewee.CharField(64)
    rang = peewee.BooleanField()

    class Meta:
        table_name = "legs"
        primary_key = peewee.CompositeKey("call", "number")


class JournalEntry(Table):
    """
    One member's view of one group call.

    ``handled_…`` say when, by whom and how a missed call was dealt with; ``reopened_at_ms`` when that was taken back.
    """

    call = peewee.ForeignKeyField(Call, on_delete="CASCADE")
    position = peewee.IntegerField()
    user = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    user_name = peewee.CharField(128)
    kind = peewee.CharField(24)
    rang = peewee.BooleanField()
    cause = peewee.CharField(64)
    handled_at_ms = peewee.BigIntegerField(null=True)
    handled_by_name = peewee.CharField(128, null=True)
    handled_how = peewee.CharField(16, null=True)
    reopened_at_ms = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = "journal_entries"
        primary_key = peewee.CompositeKey("call", "position")


class JournalChange(Table):
    """One transaction that changed the journal; ``call_ids`` is a JSON list of the calls that it touched."""

    id = peewee.BigAutoField()
    at_ms = peewee.BigIntegerField()
    call_ids = peewee.TextField()

    class Meta:
        table_name = "journal_changes"


class Caller(Table):
    """A number and name with which somebody has called; ``folded`` is what a search looks at."""

    number = peewee.CharField(128)
    name = peewee.CharField(128)
    e164 = peewee.CharField(32)
    folded = peewee.TextField()

    class Meta:
        table_name = "callers"
        primary_key = peewee.CompositeKey("number", "name")


class OutgoingCall(Table):
    """
    A call that somebody made and that was answered; ``user`` is known once the follower has looked at it.

    ``line`` is the SIP account that called, ``number`` what was dialled.
    """

    channel_uuid = peewee.CharField(128, primary_key=True)
    node = peewee.CharField(255)
    line = peewee.CharField(320)
    number = peewee.CharField(128)
    answered_at_ms = peewee.BigIntegerField()
    followed_at_ms = peewee.BigIntegerField(null=True)
    user = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    e164 = peewee.CharField(32, default="")

    class Meta:
        table_name = "outgoing_calls"


class Follower(Table):
    """How far a reader of ``journal_changes`` has come that must miss nothing."""

    name = peewee.CharField(64, primary_key=True)
    position = peewee.BigIntegerField()
    at_ms = peewee.BigIntegerField()

    class Meta:
        table_name = "followers"


class GroupFigures(Table):
    """What there was in a group on one day (days of UTC since 1970), as JSON: see ``web.reading.days``."""

    group = peewee.ForeignKeyField(Group, on_delete="CASCADE")
    day = peewee.IntegerField()
    figures = peewee.TextField()

    class Meta:
        table_name = "group_figures"
        primary_key = peewee.CompositeKey("group", "day")


class FiguresMark(Table):
    """Which of the stored figures may be believed: see ``journal.figures_marks``."""

    name = peewee.CharField(16, primary_key=True)
    value = peewee.BigIntegerField()

    class Meta:
        table_name = "figures_marks"


class Superior(Table):
    """Who leads a group, or deputizes, and the level this gives on the members. Need not be a member."""

    group = peewee.ForeignKeyField(Group, on_delete="CASCADE")
    role = peewee.CharField(8)
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    level = peewee.CharField(16)

    class Meta:
        table_name = "superiors"
        primary_key = peewee.CompositeKey("group", "role")


class UserLevel(Table):
    """What the owner grants to another user on himself."""

    owner_user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    other_user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    level = peewee.CharField(16)

    class Meta:
        table_name = "user_levels"
        primary_key = peewee.CompositeKey("owner_user", "other_user")


class Service(Table):
    """Something that can be granted to groups and users, by name."""

    name = peewee.CharField(SERVICE_NAME_MAX_CHARS, primary_key=True)
    description = peewee.CharField(DESCRIPTION_MAX_CHARS, default="")

    class Meta:
        table_name = "services"


class GroupService(Table):
    """A service that every member of the group has."""

    group = peewee.ForeignKeyField(Group, on_delete="CASCADE")
    service = peewee.ForeignKeyField(Service, column_name="service", on_delete="CASCADE")

    class Meta:
        table_name = "group_services"
        primary_key = peewee.CompositeKey("group", "service")


class UserService(Table):
    """A service that this user has, whatever the groups."""

    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    service = peewee.ForeignKeyField(Service, column_name="service", on_delete="CASCADE")

    class Meta:
        table_name = "user_services"
        primary_key = peewee.CompositeKey("user", "service")


class PreparedContent(Table):
    """One place in the favourites or the monitor that a group gives its members: a user, or a name and a number."""

    group = peewee.ForeignKeyField(Group, on_delete="CASCADE")
    list = peewee.CharField(16)
    position = peewee.IntegerField()
    user = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    name = peewee.CharField(DISPLAY_NAME_MAX_CHARS, null=True)
    number = peewee.CharField(32, null=True)

    class Meta:
        table_name = "prepared_contents"
        primary_key = peewee.CompositeKey("group", "list", "position")


class Audit(Table):
    """One change by an administrator; ``before`` and ``after`` are JSON, empty when there is none of them."""

    id = peewee.AutoField()
    at_ms = peewee.BigIntegerField()
    who = peewee.CharField(128)
    action = peewee.CharField(16)
    kind = peewee.CharField(16)
    name = peewee.CharField(320)
    before = peewee.TextField(null=True)
    after = peewee.TextField(null=True)

    class Meta:
        table_name = "audit"


class WebAccount(Table):
    """How a user signs in to the page with a password (its argon2id; empty: not by one), and the language chosen."""

    user = peewee.ForeignKeyField(User, primary_key=True, on_delete="CASCADE")
    password_hash = peewee.CharField(255, default="")
    password_set_at_ms = peewee.BigIntegerField(null=True)
    language = peewee.CharField(8, default="")

    class Meta:
        table_name = "web_accounts"


class WebInvitation(Table):
    """A link that lets a user set the password, once."""

    secret_hash = peewee.FixedCharField(64, primary_key=True)
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    created_at_ms = peewee.BigIntegerField()
    expires_at_ms = peewee.BigIntegerField()

    class Meta:
        table_name = "web_invitations"


class WebSession(Table):
    """A browser in which a user is signed in; ``method`` says how the user has signed in."""

    id = peewee.AutoField()
    secret_hash = peewee.FixedCharField(64, unique=True)
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    method = peewee.CharField(16)
    created_at_ms = peewee.BigIntegerField()
    seen_at_ms = peewee.BigIntegerField()
    address = peewee.CharField(64)
    agent = peewee.CharField(255)

    class Meta:
        table_name = "web_sessions"


class ApiToken(Table):
    """What a program of a user shows to the API; ``scopes`` are words with blanks between."""

    id = peewee.AutoField()
    secret_hash = peewee.FixedCharField(64, unique=True)
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    name = peewee.CharField(64)
    scopes = peewee.CharField(255)
    created_at_ms = peewee.BigIntegerField()
    expires_at_ms = peewee.BigIntegerField()
    used_at_ms = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = "api_tokens"


class WebOidcState(Table):
    """A sign-in that the provider of OpenID Connect has not answered yet."""

    state_hash = peewee.FixedCharField(64, primary_key=True)
    browser_hash = peewee.FixedCharField(64)
    nonce = peewee.CharField(64)
    verifier = peewee.CharField(128)
    next = peewee.CharField(2048)
    expires_at_ms = peewee.BigIntegerField()

    class Meta:
        table_name = "web_oidc_states"


class SchemaVersion(Table):
    """A migration that this database has. Its rows stand for the whole configuration where that is to be locked."""

    version = peewee.IntegerField(primary_key=True)
    name = peewee.CharField(64)
    applied_at_ms = peewee.BigIntegerField()

    class Meta:
        table_name = "schema_version"


TABLES: tuple[type[Table], ...] = (
    *(User, Line, Group, Number, Member, Overflow, Call, Leg, JournalEntry),
    *(Superior, UserLevel, Service, GroupService, UserService, PreparedContent, Audit),
    *(WebAccount, WebInvitation, WebSession, ApiToken, WebOidcState),
    *(JournalChange, Caller, OutgoingCall, Follower, GroupFigures, FiguresMark),
)
