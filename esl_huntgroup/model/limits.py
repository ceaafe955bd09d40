"""
PURE: how long a text and how large a number of the configuration may be; and how long a day is.

The migrations hold the database to the same limits, in their own words; a test compares the lengths.
"""

from __future__ import annotations

DAY_MS = 86_400_000
USER_NAME_MAX_CHARS = 64
DISPLAY_NAME_MAX_CHARS = 128
GROUP_NAME_MAX_CHARS = 128
SERVICE_NAME_MAX_CHARS = 64
DESCRIPTION_MAX_CHARS = 255
RINGBACK_MAX_CHARS = 255
TARGET_MAX_CHARS = 255
RING_TIMEOUT_MIN_S = 5
"""Less than that, and a phone has rung once."""
RING_TIMEOUT_MAX_S = 300
RING_TIMEOUT_DEFAULT_S = 30
LEG_LIMIT = 127
"""Legs one parallel ``bridge`` can have: MAX_PEERS is 128, and the last one takes the rest of the string with it."""
