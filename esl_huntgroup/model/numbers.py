"""
PURE: what a number, a domain and a softphone account may look like, and their one normal form.

A *number* is what a person dials: digits, ``+``, ``*`` and ``#``. A *domain* is the SIP domain it is dialled in.
Both are compared only in normal form; the database holds nothing else.
"""

from __future__ import annotations

import re

from esl_huntgroup.errors import InputError

NUMBER_MAX_CHARS = 32
"""E.164 allows 15 digits; the rest is room for prefixes and service codes."""
DOMAIN_MAX_CHARS = 253
"""RFC 1035, 2.3.4."""

_SEPARATORS = str.maketrans("", "", " -./()\u00a0")
_NUMBER = re.compile(r"\+?[0-9*#]+", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?", re.ASCII)
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]", re.ASCII)
_ACCOUNT = re.compile(r"[A-Za-z0-9_.+*#-]+", re.ASCII)


def normal_number(text: str) -> str:
    """
    Return the number without the separators that people write (blank, ``-``, ``.``, ``/``, brackets).

    Raises InputError when anything but digits, ``*``, ``#`` and a leading ``+`` is left, or nothing is.
    """
    number = text.strip().translate(_SEPARATORS)
    if not _NUMBER.fullmatch(number) or len(number) > NUMBER_MAX_CHARS:
        raise InputError(
            f"{text!r} is not a number: "
            f"digits, '*', '#' and a leading '+' are accepted, at most {NUMBER_MAX_CHARS} characters"
        )
    return number


def normal_domain(text: str) -> str:
    """
    Return the SIP domain in lower case, without a trailing dot.

    Raises InputError for anything that is not a host name, an IPv4 address or an IPv6 address in brackets.
    """
    domain = text.strip().lower().removesuffix(".")
    if not (_DOMAIN.fullmatch(domain) or _IPV6.fullmatch(domain)) or len(domain) > DOMAIN_MAX_CHARS:
        raise InputError(
            f"{text!r} is not a domain: a host name, an IPv4 address or an IPv6 address in brackets is accepted"
        )
    return domain


def stored_domain(text: str) -> str:
    """
    Return the domain of a group or a line as ``normal_domain`` does.

    Raises InputError for an IPv6 address, too: brackets are syntax of the dial string in which it would stand.
    """
    domain = normal_domain(text)
    if domain.startswith("["):
        raise InputError(
            f"{text!r} cannot be the domain of a group or a line, because FreeSWITCH reads brackets as syntax where it "
            "dials: a host name or an IPv4 address is accepted"
        )
    return domain


def normal_account(text: str) -> str:
    """
    Return the user part of a SIP account as it registers.

    Raises InputError for characters that would need escaping in a dial string or in ``sofia_contact``.
    """
    account = text.strip()
    if not _ACCOUNT.fullmatch(account) or len(account) > 64:
        raise InputError(
            f"{text!r} is not a SIP account: letters a-z, digits and '_', '.', '+', '*', '#', '-' are accepted, "
            "at most 64 characters"
        )
    return account
