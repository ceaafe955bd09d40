"""Whether each Kamailio of the settings tells who is registered, nothing else, and passes on what rings a phone."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.errors import SwitchError
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.gruu import gruu
from esl_huntgroup.registrars.kamailio import Kamailio
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.lookups import Answer, LookUp, LookUpFault, Rpc, has_domains, read_answer
from esl_huntgroup.settings import EVERY_DOMAIN, Address, Settings

NOBODY: Final = "esl-huntgroup-check"
"""An account that nobody has."""
FOREIGN: Final = b'{"jsonrpc":"2.0","method":"core.version","params":[],"id":1}'
"""A harmless question that the endpoint of ``kamailio/huntgroup.cfg`` refuses."""
FOREIGN_TIMEOUT_S: Final = 2.0
RING_TIMEOUT_S: Final = 3
README: Final = "kamailio/README.md"

CAUSES: Final[Mapping[str, str]] = {
    "MANDATORY_IE_MISSING": f"Kamailio wants a password of FreeSWITCH; {README}, step 3",
    "CALL_REJECTED": f"Kamailio does not relay it: route(HUNTGROUP) is missing, or too late; {README}, step 2",
    "NORMAL_TEMPORARY_FAILURE": "FreeSWITCH cannot send to Kamailio, or Kamailio not on; see kamailio_profile",
    "RECOVERY_ON_TIMER_EXPIRE": f"Kamailio is silent: a wrong address, or pike has banned FreeSWITCH; {README}, step 3",
    "NO_ANSWER": f"a phone rings that does not exist: voicemail or a forwarding in Kamailio has it; {README}, step 2",
    "INVALID_PROFILE": "FreeSWITCH has no such SIP profile; set kamailio_profile",
}
"""What a call to a phone that does not exist says of the way to it; UNALLOCATED_NUMBER (404) is right."""
RIGHT: Final = "UNALLOCATED_NUMBER"


def check_kamailios(settings: Settings, lines: Sequence[Line]) -> Iterator[Finding]:
    """Ask each Kamailio; ``lines`` are some of the softphone lines. Raises nothing: what fails is a finding."""
    client = KamailioClient(settings.kamailio_secret, settings.kamailio_timeout_s)
    for domain, rpc, sip in settings.kamailio:
        if rpc is None:
            yield note(f"kamailio: {_of(domain)} rings lines as a whole, by {sip}; nobody can say which phone rang")
            continue
        yield from _check_rpc(
            client, Rpc(*rpc), domain, [line for line in lines if domain in (line.domain, EVERY_DOMAIN)]
        )
        yield check_restriction(Rpc(*rpc), settings.kamailio_secret)
    client.stop()


def _check_rpc(client: KamailioClient, rpc: Rpc, domain: str, lines: Sequence[Line]) -> Iterator[Finding]:
    host = "example.invalid" if domain == EVERY_DOMAIN else domain
    every = [Line("", host, NOBODY), *lines]
    answers = client.ask([LookUp(rpc, line.address) for line in every]).answers()
    yield from read_lookups(rpc, every, answers)


def read_lookups(rpc: Rpc, lines: Sequence[Line], answers: Sequence[Answer]) -> Iterator[Finding]:
    """Judge what Kamailio said of some lines, the first of which nobody has. PURE."""
    try:
        registered = [line for line, answer in zip(lines, answers, strict=True) if read_answer(answer, line.address)]
    except LookUpFault as error:
        yield wrong(f"kamailio: {rpc} does not tell who is registered, so lines ring as a whole: {error}; see {README}")
        return
    yield right(f"kamailio: {rpc} tells who is registered ({len(registered)} of {len(lines) - 1} lines asked for)")
    domains = {line.domain for line in lines[1:]}
    if len(domains) > 1 and False in map(has_domains, answers):
        yield wrong(
            f"kamailio: {rpc} does not tell domains apart, so one account in two domains is one phone: "
            "WITH_MULTIDOMAIN (usrloc use_domain) does"
        )


def check_restriction(rpc: Rpc, secret: str) -> Finding:
    """Ask for what the endpoint should refuse."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})
    connection = http.client.HTTPConnection(rpc.host, rpc.port, timeout=FOREIGN_TIMEOUT_S)
    try:
        connection.request("POST", rpc.path, FOREIGN, headers)
        answer = connection.getresponse()
        is_open = answer.status == 200 and b'"result"' in answer.read(65_536)
    except (OSError, http.client.HTTPException):
        is_open = False
    finally:
        connection.close()
    if is_open:
        return wrong(
            f"kamailio: {rpc} runs any RPC command, so whoever reaches it can stop Kamailio: take the endpoint of "
            "kamailio/huntgroup.cfg, which answers look-ups only"
        )
    return right(f"kamailio: {rpc} answers nothing but look-ups")


def check_ways(settings: Settings, address: Address) -> Iterator[Finding]:
    """Have a switch call a phone that does not exist through each Kamailio. Raises nothing."""
    try:
        with InboundSession(*address, settings.esl_password, timeout_s=RING_TIMEOUT_S + 3) as switch:
            yield from ways(settings, switch.api)
    except SwitchError as error:
        yield wrong(f"switch: {error}")


def ways(settings: Settings, api: Callable[[str], str]) -> Iterator[Finding]:
    """Call through each Kamailio by ``api`` of the switch."""
    for domain, rpc, sip in settings.kamailio:
        host = "example.invalid" if domain == EVERY_DOMAIN else domain
        line = Line("", host, NOBODY)
        kamailio = Kamailio(Rpc(*rpc) if rpc else None, sip, settings.kamailio_profile)
        endpoint, _ = kamailio.destination(line, gruu("uloc-0-0-0", line.address, host))
        variables = f"originate_timeout={RING_TIMEOUT_S},ignore_early_media=true,origination_caller_id_number=check"
        answer = api(f"originate {{{variables}}}{endpoint} &sleep(10)")
        yield read_way(domain, sip, answer.strip())


def read_way(domain: str, sip: str, answer: str) -> Finding:
    """Judge what became of the call to a phone that does not exist. PURE."""
    cause = answer.removeprefix("-ERR ")
    if cause == RIGHT:
        return right(f"kamailio: {sip} looks for the phones of {_of(domain)} that FreeSWITCH rings")
    if answer.startswith("+OK"):
        return wrong(f"kamailio: {CAUSES['NO_ANSWER']}")
    why = CAUSES.get(cause, f"404 would be right; see the causes in {README}")
    return wrong(f"kamailio: {sip} answers a call of FreeSWITCH to a phone of {_of(domain)} with {cause[:60]!r}: {why}")


def _of(domain: str) -> str:
    return "every other domain" if domain == EVERY_DOMAIN else domain
