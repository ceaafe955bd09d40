"""Whether each Kamailio of the settings tells who is registered, nothing else, and passes on what rings a phone."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, note, right, wrong
from esl_huntgroup.errors import SwitchError
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.device import by_address
from esl_huntgroup.registrars.gruu import gruu
from esl_huntgroup.registrars.kamailio import Kamailio
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.lookups import Answer, LookUp, LookUpFault, Rpc, has_domains, read_answer, states
from esl_huntgroup.settings import EVERY_DOMAIN, Address, Settings

NOBODY: Final = "esl-huntgroup-check"
"""An account that nobody has."""
FOREIGN: Final = (
    b'{"jsonrpc":"2.0","method":"core.version","params":[],"id":1}',
    b'{"jsonrpc":"2.0","method":"ul.lookup","params":["location","x@x"],"method":"core.version","params":[],"id":1}',
    b'{"jsonrpc": "2.0", "method": "core.uptime", "id": 1}',
)
"""Harmless questions that the endpoint of ``kamailio/huntgroup.cfg`` refuses."""
FOREIGN_PATH: Final = "/RPC"
"""Where Debian's own configuration runs any command (``WITH_JSONRPC``)."""
FOREIGN_TIMEOUT_S: Final = 2.0
RING_TIMEOUT_S: Final = 5
PROGRESS_TIMEOUT_S: Final = 2
"""Within which there has to be more than silence (``leg_progress_timeout``)."""
README: Final = "kamailio/README.md"

CAUSES: Final[Mapping[str, str]] = {
    "MANDATORY_IE_MISSING": f"Kamailio wants a password of FreeSWITCH (407); {README}, step 3",
    "CALL_REJECTED": "Kamailio does not relay it (403): the domain is none of its own (alias), or route(HUNTGROUP) is "
    f"missing, or stands too late; {README}, step 2",
    "NORMAL_UNSPECIFIED": f"Kamailio cannot send it on (477 to 479), and should not: route(HUNTGROUP) is missing, or "
    f"stands too late; {README}, step 2",
    "NORMAL_TEMPORARY_FAILURE": "FreeSWITCH cannot send to Kamailio, or Kamailio not on; see kamailio_profile",
    "PROGRESS_TIMEOUT": f"Kamailio is silent: a wrong address, or pike has banned FreeSWITCH; {README}, step 3",
    "RECOVERY_ON_TIMER_EXPIRE": f"Kamailio sends it to somebody who is silent (408): a mailbox or a gateway; {README}, "
    "step 2",
    "EXCHANGE_ROUTING_ERROR": "it goes in a circle (482, 483): HUNTGROUP_IS_FREESWITCH does not know FreeSWITCH; "
    f"{README}, step 1",
    "NO_ANSWER": f"a phone rings that does not exist: voicemail or a forwarding in Kamailio has it; {README}, step 2",
    "INVALID_PROFILE": "FreeSWITCH has no such SIP profile; set kamailio_profile",
}
"""What a call to a phone that does not exist says of the way to it; UNALLOCATED_NUMBER (404) is right."""
RIGHT: Final = "UNALLOCATED_NUMBER"
CALL_VARIABLES: Final = (
    ("originate_timeout", str(RING_TIMEOUT_S)),
    ("leg_progress_timeout", str(PROGRESS_TIMEOUT_S)),
    ("ignore_early_media", "true"),
    ("origination_caller_id_number", "check"),
)


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
        yield from check_restriction(Rpc(*rpc), settings.kamailio_secret)
    client.stop()


def _check_rpc(client: KamailioClient, rpc: Rpc, domain: str, lines: Sequence[Line]) -> Iterator[Finding]:
    host = "example.invalid" if domain == EVERY_DOMAIN else domain
    every = [Line("", host, NOBODY), *lines]
    *answers, alone = client.ask([LookUp(rpc, aor) for aor in (*(line.address for line in every), NOBODY)]).answers()
    yield from read_lookups(rpc, every, answers, alone)


def read_lookups(rpc: Rpc, lines: Sequence[Line], answers: Sequence[Answer], alone: Answer) -> Iterator[Finding]:
    """Judge what Kamailio said of some lines, the first of which nobody has, and of an account ``alone``. PURE."""
    try:
        registered = [line for line, answer in zip(lines, answers, strict=True) if read_answer(answer, line.address)]
    except LookUpFault as error:
        yield wrong(f"kamailio: {rpc} does not tell who is registered, so lines ring as a whole: {error}; see {README}")
        return
    yield right(f"kamailio: {rpc} tells who is registered ({len(registered)} of {len(lines) - 1} lines asked for)")
    domains = {line.domain for line in lines[1:]}
    if len(domains) > 1 and has_domains(alone) is False:
        yield wrong(
            f"kamailio: {rpc} does not tell domains apart, so one account in two domains is one phone: "
            "WITH_MULTIDOMAIN (usrloc use_domain) does"
        )
    yield from read_states(rpc, [state for answer in answers for state in states(answer)])


def read_states(rpc: Rpc, found: Sequence[str]) -> Iterator[Finding]:
    """
    Judge what becomes of registrations when Kamailio is started anew, by the state of some of them. PURE.

    The endpoint tells nothing of ``db_mode``; but only what usrloc has written is in sync (1, 3, and 2 after a while),
    and only what it never writes stays new (0).
    """
    by_state = Counter(found)
    if not by_state:
        yield note(f"kamailio: {rpc} shows no registration, so it is not seen whether those outlive a restart of it")
    elif set(by_state) == {"CS_SYNC"}:
        yield right(f"kamailio: {rpc} has its registrations in a database, too: they outlive a restart of it")
    elif "CS_SYNC" in by_state or "CS_DIRTY" in by_state:
        yield note(
            f"kamailio: {rpc} writes registrations to its database once in a while (usrloc db_mode 2): those of the "
            "last minute are lost when it crashes; db_mode 1 writes them at once"
        )
    else:
        yield note(
            f"kamailio: {rpc} keeps registrations in memory alone (seen at {by_state.total()} of them): after a "
            f"restart of it nobody rings until the phones register again; usrloc db_mode 1 keeps them ({README})"
        )


def check_restriction(rpc: Rpc, secret: str) -> Iterator[Finding]:
    """Ask for what the endpoint should refuse. Where it cannot be reached, which is told before, nothing is found."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})
    is_reached = False
    for path in dict.fromkeys((rpc.path, FOREIGN_PATH)):
        for body in FOREIGN:
            is_run = _is_run(rpc, path, body, headers)
            if is_run:
                at = rpc if path == rpc.path else rpc._replace(path=path)
                yield wrong(
                    f"kamailio: {at} runs any RPC command, so whoever reaches it can stop Kamailio: take the endpoint "
                    "of kamailio/huntgroup.cfg, which answers look-ups only"
                )
                return
            is_reached = is_reached or is_run is False
    if is_reached:
        yield right(f"kamailio: {rpc} answers nothing but look-ups")


def _is_run(rpc: Rpc, path: str, body: bytes, headers: Mapping[str, str]) -> bool | None:
    """Return whether a command is executed; None where there is no answer."""
    connection = http.client.HTTPConnection(rpc.host, rpc.port, timeout=FOREIGN_TIMEOUT_S)
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status == 200 and b'"result"' in answer.read(65_536)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


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
        contact = gruu("uloc-0-0-0", line.address, host) if rpc else by_address(line.account, host)
        endpoint, own = kamailio.destination(line, contact)
        variables = ",".join(f"{name}={value}" for name, value in (*CALL_VARIABLES, *own))
        answer = api(f"originate {{{variables}}}{endpoint} &hangup()")
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
