"""The api commands that the simulated switch knows (mod_commands.c, mod_sofia.c)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Protocol

from esl_huntgroup.simulator.causes import known_cause
from esl_huntgroup.simulator.channel import CallerChannel, Transfer
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.cstring import split_list, split_words
from esl_huntgroup.simulator.expansion import expand
from esl_huntgroup.simulator.leg import Leg
from esl_huntgroup.simulator.phones import Registrar
from esl_huntgroup.simulator.scheduler import Scheduler

NO_SUCH_CHANNEL = "-ERR No such channel!\n"
_SETVAR_MULTI_USAGE = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
_SETVAR_USAGE = "-USAGE: <uuid> <var> [value]\n"
_GETVAR_USAGE = "-USAGE: <uuid> <var>\n"
_KILL_USAGE = "-USAGE: <uuid> [cause]\n"
_SETVAR_MULTI_LIMIT = 64
_CONDITION = re.compile(r"'([^']*)' == '([^']*)' \? (\S+)(?: : (\S+))?")


class Channels(Protocol):
    """What the commands need of the switch."""

    registrar: Registrar
    clock: Clock
    scheduler: Scheduler
    legs: dict[str, Leg]
    callers: dict[str, CallerChannel]


Api = Callable[[Channels, str], str]


def execute(channels: Channels, command: str, argument: str) -> str:
    """Return the output of an api command, as it stands in the body of the answer."""
    return _output(channels, command, argument) or "-ERR no reply\n"


def _output(channels: Channels, command: str, argument: str) -> str:
    """Return what the command prints, which may be nothing; ``${command(argument)}`` is replaced by just that."""
    known = _COMMANDS.get(command)
    return known(channels, argument) if known else f"-ERR {command} Command not found!\n"


def _live_caller(channels: Channels, uuid: str) -> CallerChannel | None:
    """switch_core_session_locate: a channel that is hung up is no longer found."""
    caller = channels.callers.get(uuid)
    return caller if caller is not None and caller.up else None


def _uuid_setvar_multi(channels: Channels, argument: str) -> str:
    uuid, blank, pairs = argument.partition(" ")
    if not blank:
        return _SETVAR_MULTI_USAGE
    caller = _live_caller(channels, uuid)
    if caller is None:
        return NO_SUCH_CHANNEL + _SETVAR_MULTI_USAGE
    output, done = "", False
    for pair in split_list(pairs, ";", _SETVAR_MULTI_LIMIT):
        name, _, value = pair.partition("=")
        if not name:
            output += "-ERR No variable specified\n"
            continue
        if "${" not in value:
            caller.variables.set(name, value)
        done = True
    return output + ("+OK\n" if done else _SETVAR_MULTI_USAGE)


def _uuid_setvar(channels: Channels, argument: str) -> str:
    words = split_words(argument, 3)
    if len(words) not in (2, 3) or not words[0]:
        return _SETVAR_USAGE
    caller = _live_caller(channels, words[0])
    if caller is None:
        return NO_SUCH_CHANNEL
    if not words[1]:
        return "-ERR No variable specified\n"
    caller.variables.set(words[1], words[2] if len(words) == 3 else None)
    return "+OK\n"


def _uuid_getvar(channels: Channels, argument: str) -> str:
    words = split_words(argument, 4)
    if len(words) < 2 or not words[0]:
        return _GETVAR_USAGE
    caller = _live_caller(channels, words[0])
    if caller is None:
        return NO_SUCH_CHANNEL
    value = caller.variables.get(words[1])
    return "_undef_" if value is None else value


def _uuid_dump(channels: Channels, argument: str) -> str:
    """Only the form that is used here: a uuid and ``json``, where a variable with several values is a list."""
    uuid, _, form = argument.partition(" ")
    caller = _live_caller(channels, uuid)
    if caller is None or form != "json":
        return NO_SUCH_CHANNEL
    return json.dumps({"Event-Name": "CHANNEL_DATA"} | {name: _listed(value) for name, value in caller.headers()})


def _listed(value: str) -> str | list[str]:
    return value.removeprefix("ARRAY::").split("|:") if value.startswith("ARRAY::") else value


def _uuid_exists(channels: Channels, argument: str) -> str:
    leg = channels.legs.get(argument)
    return "true" if _live_caller(channels, argument) or (leg is not None and leg.up) else "false"


def _uuid_kill(channels: Channels, argument: str) -> str:
    if not argument:
        return _KILL_USAGE
    uuid, _, cause = argument.partition(" ")
    cause = known_cause(cause) if cause else "NORMAL_CLEARING"
    leg = channels.legs.get(uuid)
    caller = _live_caller(channels, uuid)
    if caller is not None:
        caller.hang_up(cause)
    elif leg is not None and leg.up:
        leg.hang_up(cause)
    else:
        return NO_SUCH_CHANNEL
    return "+OK\n"


def _hupall(channels: Channels, argument: str) -> str:
    """``cause variable value``: hang up every leg with this variable; callers have none of those used here."""
    cause, variable, value = split_words(argument, 3)
    for leg in list(channels.legs.values()):
        if leg.up and leg.variables.get(variable) == value:
            leg.hang_up(known_cause(cause))
    return f"+OK hangup all channels matching [{variable}]=[{value}] with cause: {cause}\n"


def _uuid_transfer(channels: Channels, argument: str) -> str:
    """Only the form that is used here: a uuid and an extension, with or without dialplan and context."""
    uuid, *words = argument.split()
    caller = _live_caller(channels, uuid)
    if caller is None or not words:
        return NO_SUCH_CHANNEL
    caller.go_to(Transfer(words[0], words[2] if len(words) > 2 else caller.profile.context))
    return "+OK\n"


def _uuid_ring_ready(channels: Channels, argument: str) -> str:
    caller = _live_caller(channels, argument)
    if caller is None:
        return "-ERROR\n"
    caller.ring()
    return "+OK\n"


def _sched_api(channels: Channels, argument: str) -> str:
    """``+seconds group command``."""
    after, _, rest = argument.partition(" ")
    group, _, line = rest.partition(" ")
    if not line or not after.startswith("+"):
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    command, _, its_argument = line.partition(" ")
    task = channels.scheduler.add(int(after[1:]), group, lambda: execute(channels, command, its_argument))
    return f"+OK Added: {task}\n"


def _sched_del(channels: Channels, argument: str) -> str:
    return f"+OK Deleted: {channels.scheduler.cancel(argument)}\n"


def _expand(channels: Channels, argument: str) -> str:
    """``uuid:<uuid> command arguments``: expand with the channel's variables, as events name them, then execute."""
    first, _, rest = argument.partition(" ")
    caller = _live_caller(channels, first.removeprefix("uuid:"))
    known = {f"variable_{name}": value for name, value in caller.variables.items()} if caller else {}
    command, _, its_argument = (rest if first.startswith("uuid:") else argument).partition(" ")
    return execute(channels, command, expand(its_argument, known.get, lambda *call: _output(channels, *call)))


def _cond(_channels: Channels, argument: str) -> str:
    """Compare two quoted texts: ``'a' == 'b' ? true : false``, the last part may be left out (cond_function)."""
    match = _CONDITION.fullmatch(argument)
    if match is None:
        return "-ERR"
    return match[3] if match[1] == match[2] else match[4] or ""


def _sofia_contact(channels: Channels, argument: str) -> str:
    """``[profile/]user@domain[/prefix]``; the prefix stands before every contact."""
    profile, slash, rest = argument.partition("/")
    account, _, domain_and_prefix = (rest if slash else profile).partition("@")
    domain, _, prefix = domain_and_prefix.partition("/")
    contacts = channels.registrar.contacts_of(account, domain)
    return ",".join(f"{prefix}sofia/internal/{contact}" for contact in contacts) or "error/user_not_registered"


def _presence(_channels: Channels, argument: str) -> str:
    """``[in|out] <user> <rpid> <message>`` (presence_api_function); no phone of this switch watches a number."""
    way, *words = argument.split(" ")
    if len(words) >= {"in": 3, "out": 1}.get(way, 99):
        return "Event Sent"
    return "Invalid: presence [in|out] <user> <rpid> <message>"


def _strepoch(channels: Channels, _argument: str) -> str:
    return str(int(channels.clock.now()))


_COMMANDS: dict[str, Api] = {
    "cond": _cond,
    "expand": _expand,
    "hupall": _hupall,
    "presence": _presence,
    "sched_api": _sched_api,
    "sched_del": _sched_del,
    "sofia_contact": _sofia_contact,
    "strepoch": _strepoch,
    "uuid_dump": _uuid_dump,
    "uuid_exists": _uuid_exists,
    "uuid_getvar": _uuid_getvar,
    "uuid_kill": _uuid_kill,
    "uuid_ring_ready": _uuid_ring_ready,
    "uuid_setvar": _uuid_setvar,
    "uuid_setvar_multi": _uuid_setvar_multi,
    "uuid_transfer": _uuid_transfer,
}
