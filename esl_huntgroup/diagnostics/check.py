"""
What an administrator asks before trusting the service: is everything there, and if not, what is to be done.

Each finding is one line: it is right, or what to do. What a switch says is judged by pure functions on its answers.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import peewee

from esl_huntgroup import __version__
from esl_huntgroup.calls import peers
from esl_huntgroup.calls.inbound_call import REQUIRED_SETTINGS
from esl_huntgroup.db import tables
from esl_huntgroup.db.engine import database_errors, open_database, safe_url, who_may
from esl_huntgroup.db.migrate import require_current
from esl_huntgroup.diagnostics import switch_release
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.diagnostics.number_check import is_same_domain
from esl_huntgroup.errors import (
    DatabaseError,
    HuntgroupError,
    InputError,
    ProtocolError,
    SwitchError,
    SwitchTimeout,
)
from esl_huntgroup.esl.greeting import version_of_listener
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.fsxml.contract import FALLBACK, OURS, VARIABLE_LOST, variables_set
from esl_huntgroup.fsxml.sip_profiles import sip_profiles
from esl_huntgroup.journal import spool
from esl_huntgroup.model.group import HuntMode, LineKind
from esl_huntgroup.model.text import counted
from esl_huntgroup.service.descriptors import calls_that_fit, hard_limit, needed
from esl_huntgroup.settings import NO_EVENT_SOCKET, Address, Settings

MODULES: Final = ("mod_sofia", "mod_dptools", "mod_commands", "mod_dialplan_xml", "mod_event_socket")
SESSIONS_PER_SECOND_MIN: Final = 30
"""What FreeSWITCH ships with; a group call creates a channel for its caller and one for each phone."""
GREETING_TIMEOUT_S: Final = 5.0
"""Where systemd has the socket, the connection of ``check`` starts the service."""
_WHO_HAS_THE_PORT: Final = "see who has the port (ss -ltnp), or set listen to another one"
EVERYWHERE: Final = ("0.0.0.0", "::")
WAIT: Final = ("record waits", "records wait")
SAME_MACHINE: Final = frozenset({"127.0.0.1", "localhost"})


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at settings, database, service and switch, in this order. Raises nothing: what fails is a finding."""
    yield from check_addresses(settings)
    yield check_descriptors(settings.max_calls, hard_limit())
    yield from _check_database(settings)
    yield from check_spool(Path(settings.spool))
    yield from (check_service(settings, address) for address in settings.listen)
    if not settings.esl_address:
        yield wrong(f"settings: {NO_EVENT_SOCKET}")
        return
    domains = _domains_of_groups(settings)
    for address in settings.esl_address:
        yield from _check_switch(settings, address, domains)


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Say which addresses can be reached from other machines, and whether who reaches them can pose as the switch."""
    for host, port in settings.listen:
        if _is_loopback(host):
            yield right(f"settings: {host} port {port} is reachable from this machine only")
        else:
            yield _check_open_address(f"settings: {host} port {port} can be reached from elsewhere", settings)
    if settings.metrics_listen and not _is_loopback(settings.metrics_listen[0]):
        host, port = settings.metrics_listen
        yield wrong(
            f"settings: whoever reaches metrics_listen ({host} port {port}) reads how many calls there are: let a "
            "firewall admit nobody but Prometheus, or use 127.0.0.1"
        )


def _check_open_address(what: str, settings: Settings) -> Finding:
    networks = ", ".join(settings.allowed_peers)
    if settings.secret:
        return right(f"{what}; a call without the secret is given back")
    if peers.is_everybody(settings.allowed_peers):
        return wrong(
            f"{what}, and whoever reaches it can pose as the switch: name the addresses of the switches in "
            f"allowed_peers, which is {networks}, or set a secret"
        )
    if peers.are_loopback(settings.allowed_peers):
        return wrong(
            f"{what}, but every call from there is refused: name the addresses of the switches in allowed_peers"
        )
    return right(f"{what}, and admits nobody but {networks}")


def check_descriptors(max_calls: int, limit: int) -> Finding:
    """Say whether as many calls as there may be have room in the open files of one process."""
    if calls_that_fit(limit) < max_calls:
        return wrong(
            f"settings: max_calls is {max_calls}, but {limit} open files are enough for "
            f"{counted(calls_that_fit(limit), 'call')} only: raise the limit to {needed(max_calls)} "
            "(LimitNOFILE= of the unit, ulimit -Hn in a shell)"
        )
    return right(f"settings: {limit} open files are enough for {counted(max_calls, 'call')}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_database(settings: Settings) -> Iterator[Finding]:
    shown = safe_url(settings.database)
    try:
        database = open_database(settings.database)
        require_current(database)
    except HuntgroupError as error:
        yield wrong(f"database: {error}")
        return
    try:
        yield right(f"database: {shown} is reachable and up to date")
        with database_errors(database):
            found = _softphone_lines(database)
        yield from check_groups(found)
    except DatabaseError as error:
        yield wrong(f"database: {error}")
    finally:
        database.close()


def _softphone_lines(database: peewee.Database) -> list[tuple[str, bool, int]]:
    """Return the groups in mode softphone as ``check_groups`` takes them."""
    group, member, line = tables.Group, tables.Member, tables.Line
    query = (
        group.select(group.name, group.is_active, peewee.fn.COUNT(line.id))
        .join(member, peewee.JOIN.LEFT_OUTER)
        .join(line, peewee.JOIN.LEFT_OUTER, on=(line.user == member.user) & (line.kind == LineKind.SOFTPHONE))
        .where(group.hunt_mode == HuntMode.SOFTPHONE)
        .group_by(group.id, group.name, group.is_active)
        .order_by(group.name)
    )
    return list(query.tuples().execute(database))


def check_groups(rows: Sequence[tuple[str, bool, int]]) -> Iterator[Finding]:
    """Judge the groups in mode softphone: name, whether the group is active, number of its members' softphone lines."""
    active = [(name, lines) for name, is_active, lines in rows if is_active]
    if not rows:
        yield wrong("groups: there is no hunt group; load a file, for example db/examples/small-firm.yaml")
    elif not active:
        yield wrong(
            f"groups: {_all_of(len(rows))} switched off, so no call rings; to switch one on: "
            "esl-huntgroup group set NAME --active"
        )
    for name, lines in active:
        if not lines:
            yield wrong(f"group {name}: no member has a softphone line, so a call to it rings nobody; add one")
    if active and all(lines for _, lines in active):
        off = (
            f"; {counted(len(rows) - len(active), 'more is', 'more are')} switched off"
            if len(active) < len(rows)
            else ""
        )
        yield right(f"groups: {counted(len(active), 'hunt group')}, each with softphone lines{off}")


def _all_of(groups: int) -> str:
    return "the only hunt group is" if groups == 1 else f"all {groups} hunt groups are"


def check_spool(directory: Path) -> Iterator[Finding]:
    """Say what waits in the spool, since when and why, and what has been set aside."""
    try:
        if directory.is_file():
            sentence = "is the spool file of version 0.1; the service takes it over when it starts"
            yield wrong(f"journal: {directory} {sentence}")
            return
        if spool.has_rejected(directory):
            rejected = directory / spool.REJECTED
            yield wrong(f"journal: {rejected} holds rows that the database refused; read it, then move it away")
        waiting, outage = spool.waiting_records(directory), spool.outage(directory)
        has_writer = spool.has_writer(directory)
    except OSError as error:
        what_to_do = f"; {who_may(directory)}" if isinstance(error, PermissionError) else ""
        yield wrong(f"journal: the spool {directory} cannot be read: {error.strerror}{what_to_do}")
        return
    if outage:
        since = datetime.fromtimestamp(outage.since_ms // 1000, UTC).isoformat()
        yield wrong(f"journal: {counted(waiting, *WAIT)} in {directory} since {since}, because {outage.why}")
    elif waiting and has_writer:
        yield right(f"journal: {counted(waiting, 'record is on its', 'records are on their')} way to the database")
    elif waiting:
        yield wrong(f"journal: {counted(waiting, *WAIT)} in {directory} for the service; start it: esl-huntgroup serve")
    else:
        yield right("journal: nothing waits for the database")


def check_service(settings: Settings, address: Address) -> Finding:
    """Ask who listens on one of the addresses of the service."""
    where = f"{address[0]} port {address[1]}"
    try:
        version = version_of_listener(address, GREETING_TIMEOUT_S)
    except SwitchTimeout as error:
        return wrong(f"service: what listens on {where} is not the service, or hangs ({error}); {_WHO_HAS_THE_PORT}")
    except ProtocolError as error:
        return wrong(f"service: what listens on {where} is not the service ({error}); {_WHO_HAS_THE_PORT}")
    except SwitchError as error:
        return wrong(f"service: nobody answers on {where} ({error}); start it: esl-huntgroup serve")
    if not version and not _admits_this_machine(settings, address[0]):
        return right(f"service: {where} closes at once, as it should: allowed_peers does not have this machine")
    if not version:
        return wrong(f"service: what listens on {where} is not the service (it closes at once); {_WHO_HAS_THE_PORT}")
    if version != __version__:
        return wrong(f"service: {version} answers on {where}, but {__version__} is installed; start it anew")
    return right(f"service: answers on {where}, version {version}")


def _admits_this_machine(settings: Settings, host: str) -> bool:
    """Return whether the service takes connections from its own machine by this address of it."""
    loopback = "::1" if ":" in host else "127.0.0.1"
    return peers.admits(settings.allowed_peers)(loopback if host in EVERYWHERE or host == "localhost" else host)


# -- the switch -------------------------------------------------------------------------------------------------------


def _check_switch(settings: Settings, address: Address, domains: Collection[str]) -> Iterator[Finding]:
    host, port = address
    try:
        with InboundSession(host, port, settings.esl_password) as switch:
            version = switch.api("version short").strip()
            yield right(f"switch: {version} answers on {host} port {port}")
            yield from switch_release.check_release(version)
            offered = switch.api("show application as json"), switch.api("show api as json")
            yield from switch_release.check_offer(*offered)
            yield from switch_release.check_profiles(switch.api(switch_release.PROFILES))
            yield from check_modules(lambda name: switch.api(f"module_exists {name}") == "true")
            yield check_rate(switch.api("fsctl sps"))
            yield check_expansion(switch.api("expand echo ${strepoch()}"))
            yield check_registrations(
                switch.api("xml_locate configuration configuration name sofia.conf"),
                lambda profile: has_registrations(switch.api(f"sofia xmlstatus profile {profile}")),
            )
            yield from check_dialplan(
                switch.api("xml_locate dialplan"), settings.listen, wants_secret=bool(settings.secret), domains=domains
            )
    except SwitchError as error:
        yield wrong(f"switch: {error}")


def check_modules(exists: Callable[[str], bool]) -> Iterator[Finding]:
    """Say which of the modules that a group call uses are loaded."""
    missing = [name for name in MODULES if not exists(name)]
    if not missing:
        yield right(f"switch: {', '.join(MODULES)} are loaded")
    for name in missing:
        yield wrong(f"switch: {name} is not loaded; add it to modules.conf.xml, or: load {name}")


def check_rate(answer: str) -> Finding:
    """Judge the answer to ``fsctl sps``."""
    match = re.search(r"sessions per second: (\d+)", answer)
    if not match:
        return wrong(f"switch: its sessions-per-second limit cannot be read ({answer[:60]!r})")
    rate = int(match[1])
    if rate < SESSIONS_PER_SECOND_MIN:
        return wrong(
            f"switch: {rate} sessions per second is low; callers over it are refused before they reach a group. "
            f"Set sessions-per-second in switch.conf.xml to {SESSIONS_PER_SECOND_MIN} or more"
        )
    return right(f"switch: {rate} sessions per second (phones of a group call are not counted)")


def check_expansion(answer: str) -> Finding:
    """Judge the answer to ``expand echo ${strepoch()}``: the extension has commands in ``${…}``."""
    if answer.isdecimal():
        return right("switch: runs commands inside ${…}, as the extension needs")
    return wrong(
        "switch: does not run commands inside ${…}, so the extension sets no watchdog; "
        "remove api-expansion from switch.conf.xml, or set it to true"
    )


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
    with_phones = [profile for profile in profiles if profile.is_for_phones or is_registered_at(profile.name)]
    last_only = [profile.name for profile in with_phones if not profile.keeps_every_device]
    if last_only:
        return wrong(
            f"switch: in {counted(len(last_only), 'SIP profile')} ({', '.join(last_only)}) the second device of a line "
            'takes the place of the first, without a word: add <param name="multiple-registrations" value="contact"/>, '
            f"then: sofia profile {last_only[0]} rescan"
        )
    names = ", ".join(profile.name for profile in with_phones)
    return right(f"switch: every device of a line stays registered ({names or 'no SIP profile has phones yet'})")


def has_registrations(answer: str) -> bool:
    """Return whether anybody is registered, from the answer to ``sofia xmlstatus profile NAME``."""
    match = re.search(r"<registrations>(\d+)<", answer)
    return match is not None and int(match[1]) > 0


def check_dialplan(
    answer: str, addresses: Sequence[Address], *, wants_secret: bool = False, domains: Collection[str] = ()
) -> Iterator[Finding]:
    """
    Judge the answer to ``xml_locate dialplan``: the extension is there, complete, and leads to this service.

    ``wants_secret`` is whether the service gives back every call that does not bring a secret, ``domains`` those in
    which there are groups.
    """
    try:
        root = ElementTree.fromstring(answer)  # noqa: S314  # the switch's own dialplan, over an authenticated socket
    except ElementTree.ParseError as error:
        yield wrong(f"dialplan: what the switch says is no XML ({error})")
        return
    extensions = _extensions(root)
    if not extensions:
        yield wrong(f"dialplan: no extension {OURS!r}; copy freeswitch/dialplan/00_huntgroup.xml and reloadxml")
    for context, extension in extensions:
        yield from _check_extension(context, extension, addresses, wants_secret=wants_secret)
    if extensions and not any(found.get("name") == FALLBACK for found in root.iter("extension")):
        yield wrong(f"dialplan: no extension {FALLBACK!r}: a caller whom nobody answers is hung up; copy it too")
    for context, extension in extensions:
        yield from _check_domain(context, extension, domains)


def _check_domain(context: str, extension: ElementTree.Element, known: Collection[str]) -> Iterator[Finding]:
    """Say when the extension asks for the groups of one domain, and all groups are of others (``known``)."""
    asked = [value for name, value in variables_set(_actions(extension)) if name == "huntgroup_domain"]
    where = f"dialplan: extension {OURS!r} in context {context}"
    if lost := [value for value in asked if VARIABLE_LOST in value]:
        yield wrong(
            f"{where} asks for groups of {lost[0]}, which is text and no variable, so every call ends as "
            "unknown_number: FreeSWITCH keeps no ${ in what X-PRE-PROCESS sets; set huntgroup_domain there to one "
            f"domain, and write {lost[0].replace(VARIABLE_LOST, '${')} in the multiset line instead"
        )
        return
    is_known = any(not value or is_same_domain(domain, value) for value in asked for domain in known)
    if known and asked and not is_known:
        theirs = ", ".join(sorted(known))
        yield wrong(
            f"{where} asks for groups of {', '.join(asked)}, and all groups are of {theirs}: "
            "set huntgroup_domain in it, or the domain of the groups"
        )


def _domains_of_groups(settings: Settings) -> set[str]:
    """Return the domains in which there are group numbers; none where the database cannot say, which is told before."""
    query = tables.Group.select(tables.Group.domain).where(tables.Group.number.is_null(False)).distinct()
    with (
        contextlib.suppress(HuntgroupError, peewee.PeeweeException),
        contextlib.closing(open_database(settings.database)) as database,
    ):
        return {domain for (domain,) in query.tuples().execute(database)}
    return set()


def _extensions(root: ElementTree.Element) -> list[tuple[str, ElementTree.Element]]:
    """Return our extension wherever it is, each with the name of its context."""
    contexts = [(context.get("name") or "?", context) for context in root.iter("context")]
    return [(name, it) for name, context in contexts for it in context.iter("extension") if it.get("name") == OURS]


def _actions(extension: ElementTree.Element) -> list[tuple[str, str]]:
    return [(action.get("application", ""), action.get("data", "")) for action in extension.iter("action")]


def _check_extension(
    context: str, extension: ElementTree.Element, addresses: Sequence[Address], *, wants_secret: bool
) -> Iterator[Finding]:
    actions = _actions(extension)
    names = [name for name, _ in actions]
    problems = list(_extension_problems(actions, names, addresses))
    if wants_secret and peers.SECRET_VARIABLE not in {name for name, _ in variables_set(actions)}:
        problems.append(f"does not set {peers.SECRET_VARIABLE}, without which the service gives every call back")
    where = f"dialplan: extension {OURS!r} in context {context}"
    yield from (wrong(f"{where} {problem}") for problem in problems)
    if not problems:
        yield right(f"{where} is complete and leads to this service")


def _extension_problems(
    actions: Sequence[tuple[str, str]], names: Sequence[str], addresses: Sequence[Address]
) -> Iterator[str]:
    if "socket" not in names:
        yield "does not run socket; copy it again"
        return
    before, after = actions[: names.index("socket")], actions[names.index("socket") + 1 :]
    missing = {**REQUIRED_SETTINGS, "park_timeout": "-1"}.items() - variables_set(before)
    yield from (f"does not set {name}={value} before socket; copy it again" for name, value in sorted(missing))
    watchdogs = [value for name, value in variables_set(before) if name == "huntgroup_watchdog"]
    if not any(value.startswith("${sched_api(+") and " huntgroup-${uuid} " in value for value in watchdogs):
        yield "has no watchdog (huntgroup_watchdog, before socket): a frozen service parks its callers; copy it again"
    if "transfer" not in [name for name, _ in after]:
        yield "has no transfer after socket: a caller whom nobody answers is hung up"
    yield from _socket_problems(dict(actions)["socket"], addresses)


def _socket_problems(argument: str, addresses: Sequence[Address]) -> Iterator[str]:
    hosts, _, modes = argument.partition(" ")
    if "full" not in modes.split():
        yield f"runs socket {argument!r}; 'async full' is needed, or 'full' for the fast variant"
    if not any(_leads_to(host, address) for host in hosts.split("|") for address in addresses):
        ours = ", ".join(sorted(f"{host}:{port}" for host, port in addresses))
        yield f"leads to {hosts}, but this service listens on {ours}"


def _leads_to(target: str, address: Address) -> bool:
    """Return whether a switch that connects there can find who listens here; which machine that is, nobody can say."""
    (host, port), (asked, _, asked_port) = address, target.rpartition(":")
    if asked_port != str(port):
        return False
    return host in (asked, *EVERYWHERE) or {host, asked} <= SAME_MACHINE
