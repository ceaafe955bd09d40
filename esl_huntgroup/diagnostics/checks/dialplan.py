"""PURE: whether the dialplan of a switch hands calls for groups to this service, and takes them back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from esl_huntgroup.calls import peers
from esl_huntgroup.calls.inbound_call import REQUIRED_SETTINGS
from esl_huntgroup.diagnostics.checks.hosts import EVERYWHERE, SAME_MACHINE
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.diagnostics.number_check import is_same_domain
from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.contract import FALLBACK, OURS, VARIABLE_LOST, variables_set
from esl_huntgroup.fsxml.elements import Element, parse_answer


def check_dialplan(
    answer: str, addresses: Sequence[tuple[str, int]], *, wants_secret: bool = False, domains: Collection[str] = ()
) -> Iterator[Finding]:
    """
    Judge the answer to ``xml_locate dialplan``: the extension is there, complete, and leads to this service.

    ``addresses`` are host and port of each listener of the service, ``wants_secret`` is whether it gives back every
    call that does not bring a secret, ``domains`` those in which there are groups.
    """
    try:
        root = parse_answer(answer)
    except InputError as error:
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


def _check_domain(context: str, extension: Element, known: Collection[str]) -> Iterator[Finding]:
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


def _extensions(root: Element) -> list[tuple[str, Element]]:
    """Return our extension wherever it is, each with the name of its context."""
    contexts = [(context.get("name") or "?", context) for context in root.iter("context")]
    return [(name, it) for name, context in contexts for it in context.iter("extension") if it.get("name") == OURS]


def _actions(extension: Element) -> list[tuple[str, str]]:
    return [(action.get("application"), action.get("data")) for action in extension.iter("action")]


def _check_extension(
    context: str, extension: Element, addresses: Sequence[tuple[str, int]], *, wants_secret: bool
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
    actions: Sequence[tuple[str, str]], names: Sequence[str], addresses: Sequence[tuple[str, int]]
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


def _socket_problems(argument: str, addresses: Sequence[tuple[str, int]]) -> Iterator[str]:
    hosts, _, modes = argument.partition(" ")
    if "full" not in modes.split():
        yield f"runs socket {argument!r}; 'async full' is needed, or 'full' for the fast variant"
    if not any(_leads_to(host, address) for host in hosts.split("|") for address in addresses):
        ours = ", ".join(sorted(f"{host}:{port}" for host, port in addresses))
        yield f"leads to {hosts}, but this service listens on {ours}"


def _leads_to(target: str, address: tuple[str, int]) -> bool:
    """Return whether a switch that connects there can find who listens here; which machine that is, nobody can say."""
    (host, port), (asked, _, asked_port) = address, target.rpartition(":")
    if asked_port != str(port):
        return False
    return host in (asked, *EVERYWHERE) or {host, asked} <= SAME_MACHINE
