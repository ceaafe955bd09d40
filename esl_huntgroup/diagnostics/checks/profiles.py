"""PURE: whether the SIP profiles of a switch keep every device, keep time, and tell watchers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.elements import Element, parse_answer
from esl_huntgroup.fsxml.sip_profiles import SipProfile, sip_profiles
from esl_huntgroup.model.text import counted

PROFILES: Final = "xml_locate configuration configuration name sofia.conf"
"""The api command whose answer all of these judge."""


def check_profiles(answer: str) -> Iterator[Finding]:
    """Judge the configuration of mod_sofia, in XML: each SIP profile has a timer for RTP."""
    try:
        root = parse_answer(answer)
    except InputError:
        yield note("switch: the configuration of its SIP profiles cannot be read, so their rtp-timer-name is not known")
        return
    profiles = list(root.iter("profile"))
    without = [profile.get("name") or "?" for profile in profiles if not _has_timer(profile)]
    for name in without:
        yield wrong(
            f"switch: SIP profile {name} has no timer for RTP: a ring limit may not fire, and FreeSWITCH 1.11.2 takes "
            f'the end of a call 5 s late if a phone sends no RTP. Add <param name="rtp-timer-name" value="soft"/>'
        )
    if profiles and not without:
        yield right(f"switch: RTP has a timer in {', '.join(profile.get('name') or '?' for profile in profiles)}")


def _has_timer(profile: Element) -> bool:
    named = [param.get("value") for param in profile.iter("param") if param.get("name") == "rtp-timer-name"]
    return bool(named) and named[-1] not in ("", "none")


def check_registrations(answer: str, is_registered_at: Callable[[str], bool]) -> Finding:
    """
    Judge what ``xml_locate`` says of sofia.conf: every device of a line has to stay registered, not the last one alone.

    ``is_registered_at`` says whether anybody is registered at a profile; one where nobody is, and that asks no caller
    for a password, is for providers.
    """
    try:
        profiles = sip_profiles(answer)
    except InputError as error:
        return wrong(f"switch: its SIP profiles cannot be read ({error})")
    if not profiles:
        return wrong(f"switch: it tells of no SIP profile at which a phone could register ({answer.strip()[:60]!r})")
    with_phones = _with_phones(profiles, is_registered_at)
    last_only = [profile.name for profile in with_phones if not profile.keeps_every_device]
    if last_only:
        return wrong(
            f"switch: in {counted(len(last_only), 'SIP profile')} ({', '.join(last_only)}) the second device of a line "
            'takes the place of the first, without a word: add <param name="multiple-registrations" value="contact"/>, '
            f"then: sofia profile {last_only[0]} rescan"
        )
    names = ", ".join(profile.name for profile in with_phones)
    return right(f"switch: every device of a line stays registered ({names or 'no SIP profile has phones yet'})")


def check_presence(answer: str, is_registered_at: Callable[[str], bool]) -> Iterator[Finding]:
    """
    Judge the same where a group has a lamp: phones have to be able to watch it.

    Nothing is said of what cannot be read, which ``check_registrations`` says, or where no profile has phones.
    """
    try:
        profiles = _with_phones(sip_profiles(answer), is_registered_at)
    except InputError:
        return
    without = [profile.name for profile in profiles if not profile.keeps_presence]
    for name in without:
        yield wrong(
            f"switch: SIP profile {name} keeps no presence, so that phones there cannot watch a group (405) and see no "
            f'lamp: add <param name="manage-presence" value="true"/>, then: sofia profile {name} restart'
        )
    if profiles and not without:
        yield right(f"switch: phones can watch groups at {', '.join(profile.name for profile in profiles)}")


def _with_phones(profiles: Iterable[SipProfile], is_registered_at: Callable[[str], bool]) -> list[SipProfile]:
    return [profile for profile in profiles if profile.is_for_phones or is_registered_at(profile.name)]


def has_registrations(answer: str) -> bool:
    """Return whether anybody is registered, from the answer to ``sofia xmlstatus profile NAME``."""
    match = re.search(r"<registrations>(\d+)<", answer)
    return match is not None and int(match[1]) > 0
