"""
PURE: what the release of a switch means for a site: what is unsafe in it, what it refuses, what its profiles need.

Every fact is one of FreeSWITCH's own history; the commit stands beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.fsxml import interfaces

Release = tuple[int, ...]
"""Such as (1, 10, 12)."""

MENDED: Final[tuple[tuple[Release, str], ...]] = (
    # fbac12b451
    ((1, 11, 2), "whoever can transfer a call sets channel variables on the leg that the REFER makes"),
    # 49f39c074a, 21d8a78fbc
    ((1, 11, 2), "a user part or contact name of 512 bytes overflows the stack when a busy lamp asks for the call"),
    # a097e12421
    ((1, 11, 2), "whoever can write to its event socket ends the switch with one large Content-Length"),
)
"""What is unsafe in every release before the one named."""

MISSING: Final = "Command not found"
"""What a switch says of an api command that it does not have, or refuses."""
PROFILES: Final = "xml_locate configuration configuration name sofia.conf"
"""The api command whose answer ``check_profiles`` judges."""


def read_release(answer: str) -> Release:
    """Return the release in the answer to ``version short``, such as ``1.11.2-release``; empty where it has none."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(int(number) for number in match.groups()) if match else ()


def check_release(answer: str) -> Iterator[Finding]:
    """Say what is known to be unsafe in the release that ``version short`` has told, and where it is mended."""
    release = read_release(answer)
    if not release:
        yield note(f"switch: which release it is cannot be read ({answer[:60]!r}), so nothing is known of its safety")
        return
    unsafe = [(mended, what) for mended, what in MENDED if release < mended]
    for mended, what in unsafe:
        yield note(f"switch: unsafe in {_shown(release)}, mended in {_shown(mended)}: {what}")
    if not unsafe:
        yield right(f"switch: nothing unsafe is known here of {_shown(release)}")


def check_offer(applications: str, commands: str) -> Iterator[Finding]:
    """
    Judge the answers to ``show application as json`` and ``show api as json``: the switch offers all that is needed.

    ``interface_allowlist_dump`` would not do: it tells what the modules have, be it refused.
    """
    if MISSING in applications:
        yield wrong(_to_allow(["mod_commands.show.api (what else, cannot be asked without it)"]))
        return
    try:
        offered = {*_names(applications, "app"), *_names(commands, "api")}
    except (ValueError, LookupError, TypeError, AttributeError):
        yield note("switch: which applications and api commands it offers cannot be read")
        return
    if missing := interfaces.not_in(offered):
        yield wrong(_to_allow(missing))
    else:
        yield right("switch: offers every application and api command that is used")


def _names(answer: str, kind: str) -> Iterator[str]:
    for row in json.loads(answer).get("rows", ()):
        yield f"{row['ikey']}.{row['name']}.{kind}"


def _to_allow(missing: list[str]) -> str:
    return (
        f"switch: does not offer {', '.join(missing)}: load the module, or add it to <interface-allowlist> in "
        "switch.conf.xml, as freeswitch/README.md has it, and restart FreeSWITCH"
    )


def check_profiles(answer: str) -> Iterator[Finding]:
    """Judge the configuration of mod_sofia, in XML: each SIP profile has a timer for RTP."""
    try:
        root = ElementTree.fromstring(answer)  # noqa: S314  # the switch's own, over an authenticated socket
    except ElementTree.ParseError:
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


def _has_timer(profile: ElementTree.Element) -> bool:
    named = [param.get("value") for param in profile.iter("param") if param.get("name") == "rtp-timer-name"]
    return bool(named) and named[-1] not in (None, "", "none")


def _shown(release: Release) -> str:
    return ".".join(map(str, release))
