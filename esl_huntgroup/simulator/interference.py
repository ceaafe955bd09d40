"""PURE: what a test may do to a connection: cut it up, slow it down, drop or freeze it, lie in it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Moment(enum.Enum):
    """When a connection is dropped or frozen."""

    CONNECTED = "before the answer to connect"
    BATCH = "when the first api command has arrived"
    BRIDGE = "when the first sendmsg has arrived"
    RINGING = "when the first phone rings"
    TALKING = "when the event of the answer has been sent"
    HUNG_UP = "when the caller is gone and told to be"


class NoticeOrder(enum.Enum):
    """When the linger notice comes: as chance has it, before the final events, or behind them."""

    CHANCE = "chance"
    BEFORE = "before"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Interference:
    """
    What happens to the bytes from the switch to the service.

    ``drop_at`` resets the connection; ``freeze_at`` keeps it open and says nothing more until
    ``frozen_s`` after the caller has gone; ``rewrite`` may put anything in place of each message. The call itself goes
    on at the switch.
    """

    chunk_bytes: int | None = None
    chunk_delay_s: float = 0.0
    delay_s: float = 0.0
    drop_at: Moment | None = None
    freeze_at: Moment | None = None
    frozen_s: float = 0.0
    rewrite: Callable[[bytes], bytes] | None = None
    notice: NoticeOrder = NoticeOrder.CHANCE


NONE = Interference()
