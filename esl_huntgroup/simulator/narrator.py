"""Tell a call as it happens, phone by phone, on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import click

from esl_huntgroup.simulator.causes import COMPLETED_ELSEWHERE, phrase
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.phones import Heard, Phone
from esl_huntgroup.simulator.showcase import PEOPLE, Scene
from esl_huntgroup.simulator.switch import CallResult

READER_GONE: Final = 3
"""Exit status of the simulator when nobody reads what it tells, as in ``demo | head``."""
_NAME_WIDTH: Final = max(map(len, PEOPLE.values()))
REQUEST_TERMINATED: Final = 487
"""What the switch answers to a caller who has cancelled."""
_WHAT_WIDTH: Final = 9
_MARGIN: Final = " " * 11
_REASONS: Final = {"NO_ANSWER": "nobody answered in time", "ORIGINATOR_CANCEL": "the caller gave up"}
_STYLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ringing": {"fg": "yellow"},
    "answered": {"fg": "green", "bold": True},
    "refused": {"fg": "magenta"},
    "elsewhere": {"fg": "blue"},
    "off": {"dim": True},
}


class Narrator:
    """Prints one scene. ``heard`` is the observer of the switch."""

    def __init__(self, clock: Clock) -> None:
        """Print nothing yet."""
        self._clock = clock
        self._began = clock.now()

    def begin(self, number: int, scene: Scene) -> None:
        """Announce a call and name the phones that are switched off."""
        self._began = self._clock.now()
        caller = scene.caller
        click.echo()
        click.secho(f"{number}  {caller.name} ({caller.number}) calls {scene.number}", bold=True)
        click.secho(f"   {scene.title}", bold=True)
        for phone in scene.phones():
            if not phone.contacts and phone.account in scene.journal:
                self._line(phone, "off", "is off", "not registered at the switch")

    def heard(self, phone: Phone, heard: Heard) -> None:
        """Print what a phone did or was told; the INVITE itself is not shown, only what comes of it."""
        match heard.what:
            case "ringing":
                self._line(phone, "ringing", "rings", _display(heard))
            case "answered":
                self._line(phone, "answered", "answers")
            case "refused":
                self._line(phone, "refused", "refuses", f"says {heard.detail} {phrase(int(heard.detail))}")
            case "cancel" | "bye" if heard.detail == COMPLETED_ELSEWHERE:
                self._line(phone, "elsewhere", "is told", '"call completed elsewhere", no missed call')
            case "cancel":
                self._line(phone, "", "stops", f"{_reason(heard.detail)}: a missed call")
            case "bye":
                self._line(phone, "", "hung up", "by the caller")

    def end(self, scene: Scene, result: CallResult) -> None:
        """Say what the caller had of it."""
        click.echo(f"   {self._elapsed()}  {scene.caller.name} {_fate(result)}")
        if result.fallback is not None:
            why = result.fallback or "none"
            click.echo(f"{_MARGIN}from the switch's own dialplan, which has the call back")
            click.echo(f"{_MARGIN}and reads why in its variable huntgroup_result: {why}")

    def _line(self, phone: Phone, style: str, what: str, more: str = "") -> None:
        text = click.style(f"{what:{_WHAT_WIDTH}}{more}".rstrip(), **_STYLES.get(style, {}))
        click.echo(f"   {self._elapsed()}  {phone.name:<{_NAME_WIDTH}}  {text}")

    def _elapsed(self) -> str:
        return f"{self._clock.now() - self._began:4.1f} s"


def _fate(result: CallResult) -> str:
    """Return what became of the caller."""
    if result.spoken_with:
        return f"spoke with {result.spoken_with}"
    if result.status == REQUEST_TERMINATED:
        return "hung up, and spoke with nobody"
    return f"got {result.status} {phrase(result.status)}".strip()


def _display(heard: Heard) -> str:
    """Return what the display of a ringing phone shows."""
    if heard.invitation is None:
        return ""
    shown = f"{heard.invitation.caller_name} {heard.invitation.caller_number}"
    group = re.match(r'"([^"]*)"', heard.invitation.headers.get("Diversion", ""))
    return shown + (f", forwarded from {group[1]}" if group else "")


def _reason(header: str) -> str:
    text = re.search(r'text="([A-Z_]+)"', header)
    return _REASONS.get(text[1], text[1]) if text else header
