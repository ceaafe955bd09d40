"""
Every exception of this package.

    HuntgroupError
    ├── InputError            something an administrator wrote is refused; nothing changed
    │   ├── SettingsError     ... in the settings: the service does not start
    │   └── DocumentRefused   ... in a file or an import, and where in it
    ├── DatabaseError         the database cannot be reached, or is not one of ours
    │   └── RowRefused        it is well, and refuses this one row
    └── SwitchError           the other side of an event socket
        ├── ProtocolError     it sent what is not the event-socket protocol
        ├── CommandRefused    it answered a command with -ERR
        ├── SwitchTimeout     it did not answer within the deadline
        └── SwitchGone        it closed or reset the connection
            └── OnlyAsked     it was no switch but `check`, which asks who listens

A message says what was read, why it is refused and what would be accepted.
"""

from __future__ import annotations


class HuntgroupError(Exception):
    """Anything this package raises on purpose."""


class InputError(HuntgroupError):
    """What an administrator wrote is refused. Nothing has been changed."""


class SettingsError(InputError):
    """A setting is refused; the service must not start with it."""


class DocumentRefused(InputError):
    """What a document says is refused; ``paths`` lead to each reason, in no order."""

    def __init__(self, message: str, paths: tuple[tuple[str | int, ...], ...]) -> None:
        """Take the lines that people read, and the places."""
        super().__init__(message)
        self.paths = paths


class DatabaseError(HuntgroupError):
    """The database cannot be used, and why."""


class RowRefused(DatabaseError):
    """The database refuses one row, and takes others."""


class SwitchError(HuntgroupError):
    """The other side of an event socket made it impossible to go on with this one connection."""


class ProtocolError(SwitchError):
    """The peer sent bytes that are not the event-socket protocol, or more of them than any switch does."""


class CommandRefused(SwitchError):
    """The switch answered ``-ERR``."""


class SwitchTimeout(SwitchError):
    """The switch did not answer within the deadline."""


class SwitchGone(SwitchError):
    """The switch closed or reset the connection."""


class OnlyAsked(SwitchGone):
    """There was no switch and no call: somebody asks who listens here."""
