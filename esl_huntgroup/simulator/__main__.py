"""
``python -m esl_huntgroup.simulator HOST:PORT``: play the calls of the demo against a running service.

With ``--for-ever`` it plays other calls, one after the other and sometimes two at a time, until it is ended.

Exit status 0 if every caller and every phone experienced what was announced, otherwise 1, with a line on stderr for
each that did not.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from typing import NoReturn

import click
import gevent

from esl_huntgroup.simulator.causes import COMPLETED_ELSEWHERE
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.everyday import Everyday, everyday
from esl_huntgroup.simulator.narrator import READER_GONE, Narrator
from esl_huntgroup.simulator.phones import Phone, registered, unregistered
from esl_huntgroup.simulator.showcase import DOMAIN, PEOPLE, SCENES, Scene
from esl_huntgroup.simulator.switch import CallResult, Switch

SCENE_LIMIT_S = 12
ALONE_S = 12
"""How long a call of those without an end is alone; the next may come while one talks."""


@click.command(context_settings={"color": False if os.environ.get("NO_COLOR") else None})
@click.argument("service", metavar="HOST:PORT")
@click.option("--for-ever", is_flag=True, help="call after call, until SIGTERM")
def main(service: str, *, for_ever: bool) -> None:
    """Play the calls of the demo against the service at HOST:PORT."""
    host, _, port = service.rpartition(":")
    if for_ever:
        _go_on((host, int(port)))
    try:
        complaints = [
            f"call {number}: {complaint}"
            for number, scene in enumerate(SCENES, 1)
            for complaint in _play((host, int(port)), number, scene)
        ]
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what waits in the buffer goes nowhere
        sys.exit(READER_GONE)
    for complaint in complaints:
        click.echo(complaint, err=True)
    sys.exit(1 if complaints else 0)


def _play(service: tuple[str, int], number: int, scene: Scene) -> list[str]:
    clock = Clock()
    narrator = Narrator(clock)
    phones = scene.phones()
    switch = Switch(service, phones, domain=DOMAIN, clock=clock, observer=narrator.heard)
    narrator.begin(number, scene)
    with gevent.Timeout(SCENE_LIMIT_S, False):
        result = switch.call(
            scene.caller,
            scene.number,
            gives_up_after_s=scene.gives_up_after_s,
            hangs_up_after_talk_s=scene.hangs_up_after_talk_s,
        )
        narrator.end(scene, result)
        return list(_complaints(scene, result, phones))
    return [f"was not over after {SCENE_LIMIT_S} s"]


def _go_on(service: tuple[str, int]) -> NoReturn:
    """Let people call, and call again; each call has a switch of its own, with the phones as they are then."""
    for call in everyday(random.Random()):
        gevent.sleep(call.pause_s)
        greenlet = gevent.spawn(_one, service, call)
        greenlet.join(timeout=ALONE_S)
    raise AssertionError("these calls have no end")


def _one(service: tuple[str, int], call: Everyday) -> None:
    phones = tuple(
        registered(name, f"{account}@{DOMAIN}", call.scripts[account], port=int(account) + 4000)
        if account in call.scripts
        else unregistered(name, f"{account}@{DOMAIN}")
        for account, name in PEOPLE.items()
    )
    switch = Switch(service, phones, domain=DOMAIN)
    switch.call(
        call.caller,
        call.number,
        gives_up_after_s=call.gives_up_after_s,
        hangs_up_after_talk_s=call.hangs_up_after_talk_s,
    )


def _complaints(scene: Scene, result: CallResult, phones: tuple[Phone, ...]) -> Iterator[str]:
    winner = PEOPLE.get(scene.winner, "")
    if (result.status, result.spoken_with) != (scene.status, winner):
        yield (
            f"the caller got {result.status} and spoke with {result.spoken_with or 'nobody'}; "
            f"announced were {scene.status} and {winner or 'nobody'}"
        )
    for phone in phones:
        if phone.did("ringing") and scene.winner and phone.account != scene.winner and not _told_elsewhere(phone):
            yield f"the phone of {phone.name} was not told that the call was completed elsewhere"


def _told_elsewhere(phone: Phone) -> bool:
    return any(heard.detail == COMPLETED_ELSEWHERE for heard in phone.did("cancel") + phone.did("bye"))


if __name__ == "__main__":
    main()
