"""
PURE: public telephone numbers, which are the same number in however many ways they are written.

In Germany ``+49 30 1234567``, ``0049301234567``, ``49301234567`` and ``0301234567`` are one. Its name is what E.164
gives it: a plus, the country code and the rest. Extensions and short codes have no such name.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

WITHHELD: Final = frozenset({"", "anonymous", "private", "restricted", "unavailable", "unknown", "withheld"})
"""What stands in the place of a number that nobody is to know, in lower case."""
LONG_ENOUGH: Final = 7
"""Digits behind the country code of a number that is in no list of its country, and taken for one all the same."""
_KNOWN_MAX: Final = 8192
_WRITING: Final = re.compile(r"[\s().\-/\u00a0]")
_DIALLED: Final = re.compile(r"\+?[0-9]{2,32}", re.ASCII)
_OPTIONAL_PREFIX: Final = "1"
"""In North America nobody needs to write it; elsewhere a number without its prefix is an extension."""


def is_withheld(number: str) -> bool:
    """Return whether this is no number, because the caller shows none."""
    return number.strip().casefold() in WITHHELD


@functools.lru_cache(_KNOWN_MAX)
def e164(number: str, country: str) -> str:
    """
    Return the number as E.164 writes it, empty where it is no public number.

    ``country`` are the two letters of the country in which it was written. Raises nothing.
    """
    parsed = _parsed(number, country)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164) if parsed else ""


@functools.lru_cache(_KNOWN_MAX)
def variants(number: str, country: str) -> tuple[str, ...]:
    """
    Return every way in which a journal may have written this number, the one given first.

    One that is no public number is written in its own way alone, and one that is withheld in none. Raises nothing.
    """
    given = number.strip()
    if is_withheld(given):
        return ()
    parsed = _parsed(given, country)
    if parsed is None:
        return (given,)
    full = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    ways = [given, full, full[1:], f"{_international_prefix(country)}{full[1:]}", f"00{full[1:]}"]
    if parsed.country_code == phonenumbers.country_code_for_region(country):
        ways.append(_digits(phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)))
    return tuple(dict.fromkeys(ways))


def digits(text: str) -> str:
    """Return the digits of what somebody has written, with a leading plus if there is one."""
    bare = _WRITING.sub("", text)
    return bare if _DIALLED.fullmatch(bare) else ""


def _parsed(number: str, country: str) -> PhoneNumber | None:
    bare = digits(number)
    metadata = PhoneMetadata.metadata_for_region(country)
    if not bare or metadata is None:
        return None
    if bare.startswith("+"):
        return _number("+" + bare[1:], None) or _long(number, country)
    prefix = metadata.national_prefix or ""
    if bare.startswith(str(metadata.country_code)) and not (prefix and bare.startswith(prefix)):
        found = _number("+" + bare, None)
        if found:
            return found
    is_an_extension = prefix not in ("", _OPTIONAL_PREFIX) and not bare.startswith(prefix)
    if is_an_extension and not bare.startswith(_international_prefix(country)):
        return None
    return _number(bare, country) or _long(bare, country)


def _number(text: str, country: str | None) -> PhoneNumber | None:
    """Return the number if its country has such numbers."""
    try:
        parsed = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None


def _long(text: str, country: str) -> PhoneNumber | None:
    """Return a number that no list has, but that is long enough to be one: ranges are newer than lists."""
    try:
        parsed = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE
    return parsed if is_possible and len(str(parsed.national_number)) >= LONG_ENOUGH else None


def _international_prefix(country: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(country)
    chosen = (metadata.preferred_international_prefix or metadata.international_prefix or "") if metadata else ""
    return chosen if chosen.isdecimal() else "00"


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())
