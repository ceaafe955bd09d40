"""The caller's channel: its state, its variables, and how both look in an event."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from esl_huntgroup.simulator import sipvars
from esl_huntgroup.simulator.causes import q850, status_of_cause
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.event import Header, Profile, Times, profile_headers
from esl_huntgroup.simulator.sipvars import Caller, Dialog
from esl_huntgroup.simulator.variables import ChannelVariables


class State(enum.IntEnum):
    """switch_channel_state_t, the states a caller passes here."""

    ROUTING = 2
    EXECUTE = 4
    HANGUP = 10
    REPORTING = 11


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a caller is to go: the rest of the current extension is forgotten."""

    extension: str
    context: str = "public"


class CallerChannel:
    """
    One caller.

    ``transfer`` is set while the caller is on the way to another extension; the channel is not ready then, so that
    ringing, conversation and park all let go of it (CF_TRANSFER).
    """

    def __init__(self, clock: Clock, caller: Caller, domain: str, number: str, session_id: int) -> None:
        """Take in an INVITE to ``number``, which the dialplan is about to serve."""
        self.clock = clock
        self.caller = caller
        self.domain = domain
        self.uuid = str(uuid.uuid4())
        self.dialled = number
        self.dialog = Dialog(f"{self.uuid}@127.0.0.1", f"{session_id}uac1", uuid.uuid4().hex[:13])
        now = clock.micros()
        name = caller.name.replace("${", "%{")  # sofia_handle_sip_i_invite
        self.profile = Profile(self.uuid, "inbound", name, caller.number, number, self._name(), Times(now, now))
        self.variables = ChannelVariables()
        self.state = State.EXECUTE
        self.running_state = State.EXECUTE
        self.answered = False
        self.reported = False
        self.hangup_cause = ""
        self.sip_status = 0
        self.other_leg: Profile | None = None
        self.transfer: Transfer | None = None
        self._set_inbound(session_id)

    # -- what others ask ------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether the caller is still there."""
        return self.state < State.HANGUP

    @property
    def ready(self) -> bool:
        """switch_channel_ready: there, and not on the way to somewhere else."""
        return self.up and self.transfer is None

    def headers(self) -> list[Header]:
        """Return the channel's part of an event: state, caller profile, other leg, variables."""
        return [
            *self._basic_headers(),
            *profile_headers(self.profile, "Caller"),
            *self._other_leg_headers(),
            *((f"variable_{name}", value) for name, value in self.variables.items()),
        ]

    # -- what happens to a caller ----------------------------------------------------------------------------------

    def ring(self) -> None:
        """Send 180, unless one was sent or the call is answered."""
        if not self.profile.times.progress and not self.answered:
            self.profile.times.progress = self.clock.micros()
            self.variables.set("sip_to_tag", self.dialog.to_tag)

    def answer(self) -> None:
        """Send 200 and set up the media."""
        if self.answered:
            return
        times = self.profile.times
        times.answered = times.progress_media = self.clock.micros()
        self.answered = True
        self.sip_status = 200
        if not times.progress:
            self.variables.set("sip_to_tag", self.dialog.to_tag)
        self.variables.set_all(sipvars.MEDIA)

    def caller_hangs_up(self) -> None:
        """Take in the caller's BYE or CANCEL. Does nothing to a caller who is gone."""
        if not self.up:
            return
        if not self.answered:
            self.variables.set_all(sipvars.CALLER_CANCELLED)
            self.hang_up("ORIGINATOR_CANCEL")
            return
        self.set_checked(sipvars.caller_bye(self.caller, self.domain, self.dialled, self.dialog))
        if self.other_leg is not None and self.profile.times.bridged:
            self._note_callee()
        self.variables.set_all(sipvars.CALLER_TERMINATED)
        self.variables.set("sip_hangup_disposition", "recv_bye")
        self.hang_up("NORMAL_CLEARING")

    def hang_up(self, cause: str, status: int = 0) -> None:
        """End the call: BYE when answered, else the SIP status, by default that of the cause."""
        if not self.up:
            return
        self.transfer = None
        self.hangup_cause = cause
        self.state = State.HANGUP
        self.profile.times.hangup = self.clock.micros()
        if not self.answered:
            self.sip_status = status or status_of_cause(cause)

    def member_hung_up(self) -> None:
        """Note that the member ended the conversation; the caller's dialog is described by our own BYE."""
        self.set_checked(sipvars.caller_bye(self.caller, self.domain, self.dialled, self.dialog))
        self._note_callee()
        self.variables.set("sip_hangup_phrase", "OK")
        self.variables.set("last_bridge_hangup_cause", "NORMAL_CLEARING")
        self.variables.set("last_bridge_proto_specific_hangup_cause", "sip:200")

    def report(self, last_app: str, last_arg: str) -> None:
        """Enter CS_REPORTING: the call record becomes variables."""
        self.state = self.running_state = State.REPORTING
        self.reported = True
        variables = self.variables
        variables.set("hangup_cause", self.hangup_cause)
        variables.set("hangup_cause_q850", str(q850(self.hangup_cause)))
        caller_id = f'"{self.caller.name}" <{self.caller.number}>'
        variables.set_all(sipvars.call_record(self.profile.times, last_app, last_arg, caller_id))
        if not variables.get("sip_hangup_disposition"):
            variables.set("sip_hangup_disposition", "send_bye" if self.answered else "send_refuse")
        if self.answered:
            variables.set_all(sipvars.rtp_statistics())

    def go_to(self, transfer: Transfer) -> None:
        """switch_ivr_session_transfer: a new profile, and the way there."""
        now = self.clock.micros()
        source = f"{now // 1_000_000}:{uuid.uuid4()}:bl_xfer:{transfer.extension}/{transfer.context}/XML"
        profile = self.profile
        profile.rdnis, profile.destination = profile.destination, transfer.extension
        profile.transfer_source, profile.index = source, profile.index + 1
        profile.times.profile_created = now
        self.variables.set("max_forwards", "69")
        self.variables.set("transfer_history", source)
        self.variables.set("transfer_source", source)
        self.transfer, self.state = transfer, State.ROUTING

    def arrive(self) -> Transfer | None:
        """Take the caller off the way: return where to, None for a caller who goes nowhere."""
        transfer, self.transfer = self.transfer, None
        if transfer is not None and self.up:
            self.state = State.EXECUTE
        return transfer

    # -- parts ----------------------------------------------------------------------------------------------------

    def set_checked(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Set variables as SIP may: a value that contains ``${`` is refused (switch_channel_set_variable)."""
        self.variables.set_all((name, value) for name, value in pairs if "${" not in value)

    def _name(self) -> str:
        return f"sofia/internal/{self.caller.number}@{self.caller.domain or self.domain}"

    def _set_inbound(self, session_id: int) -> None:
        self.variables.set("direction", "inbound")
        self.variables.set("uuid", self.uuid)
        self.variables.set("session_id", str(session_id))
        now = self.profile.times.created
        self.set_checked(sipvars.invite(self.caller, self.domain, self.dialled, self.dialog, now))
        self.variables.set("call_uuid", self.uuid)

    def _note_callee(self) -> None:
        self.variables.set("last_sent_callee_id_name", self.profile.callee_name)
        self.variables.set("last_sent_callee_id_number", self.profile.callee_number)

    def _basic_headers(self) -> list[Header]:
        name = self.profile.channel_name
        return [
            ("Channel-State", f"CS_{self.running_state.name}"),
            ("Channel-Call-State", self._call_state()),
            ("Channel-State-Number", str(int(self.state))),
            ("Channel-Name", name),
            ("Unique-ID", self.uuid),
            ("Call-Direction", "inbound"),
            ("Presence-Call-Direction", "inbound"),
            ("Channel-HIT-Dialplan", "true"),
            *self._presence(),
            ("Channel-Call-UUID", self.variables.get("call_uuid") or self.uuid),
            ("Answer-State", self._answer_state()),
            *([("Hangup-Cause", self.hangup_cause)] if self.hangup_cause else []),
            *(self._codec_headers() if self.answered else []),
        ]

    def _presence(self) -> list[Header]:
        presence = self.variables.get("presence_id")
        return [("Channel-Presence-ID", presence)] if presence else []

    def _call_state(self) -> str:
        if self.running_state is State.REPORTING:
            return "HANGUP"
        return "ACTIVE" if self.answered else "RINGING"

    def _answer_state(self) -> str:
        if not self.up:
            return "hangup"
        return "answered" if self.answered else "ringing"

    @staticmethod
    def _codec_headers() -> list[Header]:
        values = (("Name", "PCMU"), ("Rate", "8000"), ("Bit-Rate", "64000"))
        return [(f"Channel-{way}-Codec-{name}", value) for way in ("Read", "Write") for name, value in values]

    def _other_leg_headers(self) -> list[Header]:
        if self.other_leg is None:
            return []
        return [("Other-Type", "originatee"), *profile_headers(self.other_leg, "Other-Leg")]
