"""
Whether each Kamailio passes calls to group numbers on to FreeSWITCH: seen by OPTIONS, for which no phone rings.

``kamailio/huntgroup.cfg`` forwards OPTIONS to such a number as it does an INVITE, whoever asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from esl_huntgroup.diagnostics.checks.sip_options import SipAnswer, ask_options
from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.model.text import counted
from esl_huntgroup.settings import EVERY_DOMAIN, Settings

NUMBERS_MAX: Final = 30
"""Numbers that each Kamailio is asked for."""
PAUSE_S: Final = 0.2
"""Between two questions: pike (WITH_ANTIFLOOD) bans who sends 16 in two seconds."""
README: Final = "kamailio/README.md"
SWITCH: Final = "FreeSWITCH"
"""What the switch calls itself unless its profile says something else (``user-agent-string``)."""

Ask = Callable[[str, str, str], SipAnswer]


def check_numbers(
    settings: Settings,
    numbers: Mapping[str, Sequence[str]],
    ask: Ask = ask_options,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Finding]:
    """
    Ask each Kamailio for the group numbers of its domains; ``numbers`` has those of each domain. Raises nothing.

    ``ask`` gives the answer of a SIP server to a number in a domain.
    """
    named = {domain for domain, _, _ in settings.kamailio}
    for domain, _, sip in settings.kamailio:
        own = [it for it in numbers if it == domain or (domain == EVERY_DOMAIN and it not in named)]
        wanted = [(number, host) for host in sorted(own) for number in numbers[host]]
        if sip.endswith(";transport=tls"):
            yield note(f"kamailio: {sip} is not asked whether it passes on the numbers of groups: check speaks no TLS")
            continue
        yield from _check_numbers(sip, wanted, ask, sleep)


def _check_numbers(
    sip: str, wanted: Sequence[tuple[str, str]], ask: Ask, sleep: Callable[[float], None]
) -> Iterator[Finding]:
    passed = 0
    some = _spread(wanted)
    for at, (number, domain) in enumerate(some):
        if at:
            sleep(PAUSE_S)
        try:
            found = read_options(sip, number, domain, ask(sip, number, domain))
        except (OSError, ValueError) as error:
            yield wrong(
                f"kamailio: {sip} gives no answer to OPTIONS ({getattr(error, 'strerror', None) or error}): a wrong "
                f"address, a firewall, a switch that is down (HUNTGROUP_FREESWITCH), or pike has banned this host; "
                f"{README}, step 3"
            )
            return
        passed += found is None
        if found:
            yield found
    if passed:
        yield right(
            f"kamailio: {sip} passes {passed} of {counted(len(wanted), 'group number')} on to FreeSWITCH"
            + (f" ({len(some)} were asked for)" if len(some) < len(wanted) else "")
        )


def read_options(sip: str, number: str, domain: str, answer: SipAnswer) -> Finding | None:
    """Judge the answer to OPTIONS for a group number; None where FreeSWITCH gave it. PURE."""
    status, agent = answer
    if agent.startswith(SWITCH):
        return None
    what = f"kamailio: {sip} answers OPTIONS to the group number {number} of {domain} with {status}"
    by = f" by {agent!r}" if agent else ""
    if status < 300:
        return note(
            f"{what}{by}, which does not call itself FreeSWITCH: where it is not the switch, the number is not passed "
            f"on; {README}, step 1"
        )
    if status in (401, 407):
        return note(f"{what}: it wants a password, so it is not seen whether calls to that number reach FreeSWITCH")
    if status == 403:
        return wrong(f"{what}: it relays nothing for {domain}, which is no domain of its own (alias); {README}, step 1")
    if status in (408, 500, 502, 503, 504) or status in range(477, 480):
        return wrong(f"{what}{by}: it cannot reach FreeSWITCH; HUNTGROUP_FREESWITCH is its address, {README}, step 1")
    return wrong(f"{what}{by}: FreeSWITCH does not get such calls; HUNTGROUP_NUMBERS has to match it, {README}, step 1")


def _spread(wanted: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return at most NUMBERS_MAX of these, from the first to the last."""
    if len(wanted) <= NUMBERS_MAX:
        return wanted
    return [wanted[at * (len(wanted) - 1) // (NUMBERS_MAX - 1)] for at in range(NUMBERS_MAX)]
