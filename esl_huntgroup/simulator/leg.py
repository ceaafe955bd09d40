"""One B-leg: what the phone does with it as time passes, and what it is told in the end."""

from __future__ import annotations

from collections.abc import Callable

from esl_huntgroup.simulator.causes import cause_of_status, phrase, reason_header
from esl_huntgroup.simulator.channel import CallerChannel, Transfer
from esl_huntgroup.simulator.event import Profile, Times
from esl_huntgroup.simulator.phones import Heard, Invitation, Phone

Observer = Callable[[Phone, Heard], None]
Api = Callable[[str, str], str]


def sanitize(number: str) -> str:
    """switch_sanitize_number: cut at the first ``@``, then take what is behind the last ``/`` and the last ``:``."""
    return number.partition("@")[0].rpartition("/")[2].rpartition(":")[2]


class Leg:
    """
    A leg that became a channel.

    ``cause`` is empty while it lives. ``advance`` is called once per pass, so everything a phone does takes effect
    at the next pass after it, as in the real switch. All legs of an originate share the moment of their INVITE, so
    that phones with the same script act in the same pass.
    """

    def __init__(
        self, caller: CallerChannel, phone: Phone | None, invitation: Invitation, destination: str, invited_at: float
    ) -> None:
        """Make a channel of a leg; ``phone`` None is a contact behind which nobody is."""
        self.uuid = invitation.leg_uuid
        self.variables = dict(invitation.variables)
        self.phone = phone
        self.cause = ""
        self.rang = self.answered = self.early = False
        self.answered_at = 0.0
        self.observer: Observer = lambda _phone, _heard: None
        self.api: Api = lambda _command, _argument: ""
        self._caller = caller
        self._clock = caller.clock
        self._invited_at = invited_at
        self._now = invited_at
        self.profile = self._make_profile(destination)
        self._invitation = invitation

    @property
    def up(self) -> bool:
        """Whether the leg still lives."""
        return not self.cause

    def invite(self) -> None:
        """Send the INVITE; nobody listening at the contact fails the leg at once (ICMP, 503 from our own stack)."""
        self._heard("invite")
        if self.phone is None or not self.phone.script.reachable:
            self._partner("sip_invite_failure_status", "503")
            self._partner("sip_invite_failure_phrase", phrase(503))
            self.end("NORMAL_TEMPORARY_FAILURE")

    def advance(self, now: float) -> None:
        """Let the phone do what is due."""
        self._now = now
        if not self.up or self.phone is None or self.answered:
            return
        script = self.phone.script
        if self._due(script.rings_after_s) and not self.rang:
            self.rang = True
            self.profile.times.progress = self._clock.micros()
            self._heard("ringing")
            self._run("api_on_ring")
        if self._due(script.early_media_after_s) and not self.early:
            self.early = True
            self._heard("early_media", "183")
            self._run("api_on_pre_answer")
        if self._due(script.refuses_after_s):
            self._refuse(script.status, script.redirects_to)
        elif self._due(script.answers_after_s):
            self._answer()

    def hang_up(self, cause: str) -> None:
        """Cancel a ringing leg or end an answered one; the phone learns why."""
        if not self.up:
            return
        self._heard("bye" if self.answered else "cancel", reason_header(cause))
        self.end(cause)

    def talk(self) -> None:
        """Let the member hang up when the conversation is long enough."""
        talks_s = self.phone.script.talks_s if self.phone else None
        if self.up and talks_s is not None and self._clock.now() - self.answered_at >= talks_s:
            self._heard("hangs_up")
            if self._caller.up:
                self._caller.member_hung_up()
            self.cause = "NORMAL_CLEARING"

    def end(self, cause: str) -> None:
        """Note the cause; the caller's channel learns it as that of the last partner that went."""
        self.cause = cause
        self._partner("last_bridge_hangup_cause", cause)

    # -- parts ----------------------------------------------------------------------------------------------------

    def _due(self, after_s: float | None) -> bool:
        return after_s is not None and self._now - self._invited_at >= after_s

    def _answer(self) -> None:
        self.answered = True
        self.answered_at = self._clock.now()
        self.profile.times.answered = self._clock.micros()
        self._partner("sip_invite_failure_status", "")
        self._partner("sip_invite_failure_phrase", "")
        self._heard("answered")
        self._execute("execute_on_answer")

    def _run(self, prefix: str) -> None:
        """switch_channel_api_on: run the api command of every variable whose name begins like this."""
        for value in self._hooks(prefix):
            command, _, argument = value.partition(" ")
            self.api(command, argument)

    def _execute(self, prefix: str) -> None:
        """switch_channel_execute_on, for the one application that is used here."""
        for value in self._hooks(prefix):
            application, _, argument = value.partition(" ")
            if application == "unset":
                self.variables.pop(argument, None)

    def _hooks(self, prefix: str) -> list[str]:
        return [value for name, value in self.variables.items() if name.startswith(prefix)]

    def _refuse(self, status: int, target: str) -> None:
        if target and self.variables.get("outbound_redirect_fatal") != "true":
            self._redirect(target)
            return
        self._heard("redirected" if target else "refused", target or str(status))
        self._partner("sip_invite_failure_status", str(status))
        self._partner("sip_invite_failure_phrase", phrase(status))
        self._partner("sip_hangup_phrase", phrase(status))
        self._partner("last_bridge_proto_specific_hangup_cause", f"sip:{status}")
        self.end("REQUESTED_CHAN_UNAVAIL" if target else cause_of_status(status))

    def _redirect(self, target: str) -> None:
        """sofia_handle_sip_i_state, 3xx: a target in our own domain moves the *caller* there."""
        user, _, host = target.removeprefix("sip:").partition("@")
        if host not in (self._caller.domain, "127.0.0.1"):
            return  # the leg is silently sent on to the new target, and rings there
        self._heard("redirected", target)
        self.end("REDIRECTION_TO_NEW_DESTINATION")
        self._caller.go_to(Transfer(user))

    def _partner(self, name: str, value: str) -> None:
        """switch_channel_set_variable_partner: reaches the caller's channel only while that lives."""
        if self._caller.up:
            self._caller.variables.set(name, value)

    def _heard(self, what: str, detail: str = "") -> None:
        if self.phone is None:
            return
        heard = Heard(self._clock.now(), what, detail, self._invitation)
        self.phone.heard.append(heard)
        self.observer(self.phone, heard)

    def _make_profile(self, destination: str) -> Profile:
        now = self._clock.micros()
        number = sanitize(destination)
        return Profile(
            uuid=self.uuid,
            direction="outbound",
            caller_name=self._caller.profile.caller_name,
            caller_number=self._caller.profile.caller_number,
            destination=number,
            channel_name=f"sofia/internal/{destination.rpartition('/')[2].removeprefix('sip:')}",
            times=Times(now, now),
            callee_name="Outbound Call",
            callee_number=number,
        )
