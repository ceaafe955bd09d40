"""PURE: what the SIP profiles of a switch (``sofia.conf``) do with phones and watchers, as sofia.c reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.fsxml.elements import Element, parse_fsxml

_TRUE: Final = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})
_KEEPS_ALL: Final = ("contact", "call-id")
_FOR_PHONES: Final = frozenset({"auth-calls", "accept-blind-reg"})


@dataclass(frozen=True, slots=True)
class SipProfile:
    """
    A SIP profile. ``is_for_phones`` is whether it asks callers for a password, or registers whoever wants it.

    ``keeps_every_device`` is whether a second device of an account is registered beside the first one, and does not
    take its place. ``keeps_presence`` is whether phones can watch numbers there: ``passive`` tells them nothing.
    """

    name: str
    is_for_phones: bool
    keeps_every_device: bool
    keeps_presence: bool = False


def sip_profiles(answer: str) -> list[SipProfile]:
    """
    Return the profiles in an answer to ``xml_locate configuration configuration name sofia.conf``.

    Those that refuse every registration are left out. Raises InputError for what is not XML.
    """
    return list(_registering(parse_fsxml(answer, "sofia.conf")))


def _registering(root: Element) -> Iterator[SipProfile]:
    for profile in root.iter("profile"):
        params = [param for settings in profile.iter("settings") for param in settings.iter("param")]
        values = {param.get("name").lower(): param.get("value").lower() for param in params}
        is_set = {name for name, value in values.items() if _is_true(value)}
        if "disable-register" in is_set:
            continue
        keeps_all = values.get("multiple-registrations") in _KEEPS_ALL or "multiple-registrations" in is_set
        yield SipProfile(profile.get("name"), bool(is_set & _FOR_PHONES), keeps_all, "manage-presence" in is_set)


def _is_true(value: str) -> bool:
    """Return what ``switch_true`` makes of a value."""
    return value in _TRUE or (value.isdecimal() and int(value) != 0)
