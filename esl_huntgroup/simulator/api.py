"""The api commands that the simulated switch knows (mod_commands.c, mod_sofia.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from esl_huntgroup.simulator.causes import known_cause
from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.cstring import split_list, split_words
from esl_huntgroup.simulator.leg import Leg
from esl_huntgroup.simulator.phones import Registrar

NO_SUCH_CHANNEL = "-ERR No such channel!\n"
_SETVAR_MULTI_USAGE = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
_SETVAR_USAGE = "-USAGE: <uuid> <var> [value]\n"
_GETVAR_USAGE = "-USAGE: <uuid> <var>\n"
_KILL_USAGE = "-USAGE: <uuid> [cause]\n"
_SETVAR_MULTI_LIMIT = 64


class Channels(Protocol):
    """What the commands need of the switch."""

    registrar: Registrar
    clock: Clock
    legs: dict[str, Leg]
    callers: dict[str, CallerChannel]


Api = Callable[[Channels, str], str]


def execute(channels: Channels, command: str, argument: str) -> str:
    """Return the output of an api command, as it stands in the body of the answer."""
    known = _COMMANDS.get(command)
    if known is None:
        return f"-ERR {command} Command not found!\n"
    return known(channels, argument) or "-ERR no reply\n"


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


def _sched_del(channels: Channels, argument: str) -> str:
    caller = channels.callers.get(argument)
    if caller is not None:
        return f"+OK Deleted: {caller.cancel_scheduled()}\n"
    owner = next((each for each in channels.callers.values() if argument in map(str, each.scheduled)), None)
    return f"+OK Deleted: {owner.cancel_scheduled(int(argument)) if owner else 0}\n"


def _sofia_contact(channels: Channels, argument: str) -> str:
    """``[profile/]user@domain[/prefix]``; the prefix stands before every contact."""
    profile, slash, rest = argument.partition("/")
    account, _, domain_and_prefix = (rest if slash else profile).partition("@")
    domain, _, prefix = domain_and_prefix.partition("/")
    contacts = channels.registrar.contacts_of(account, domain)
    return ",".join(f"{prefix}sofia/internal/{contact}" for contact in contacts) or "error/user_not_registered"


def _strepoch(channels: Channels, _argument: str) -> str:
    return str(int(channels.clock.now()))


_COMMANDS: dict[str, Api] = {
    "sched_del": _sched_del,
    "sofia_contact": _sofia_contact,
    "strepoch": _strepoch,
    "uuid_exists": _uuid_exists,
    "uuid_getvar": _uuid_getvar,
    "uuid_kill": _uuid_kill,
    "uuid_setvar": _uuid_setvar,
    "uuid_setvar_multi": _uuid_setvar_multi,
}
