"""What a call asks the switch about other channels: who took the caller away, and who has taken the caller's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import gevent

from esl_huntgroup.calls import esl_commands
from esl_huntgroup.calls.context import Directory
from esl_huntgroup.calls.hunt_messages import Answered, ReplacementKnown, TakerKnown
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.own_lines import line_of
from esl_huntgroup.calls.ring_plan import is_leg_of
from esl_huntgroup.calls.taker import Get, callerid_of, shown_name, whereabouts
from esl_huntgroup.errors import SwitchError
from esl_huntgroup.esl.dump import read_dump
from esl_huntgroup.esl.wire import Message
from esl_huntgroup.model.group import Taker
from esl_huntgroup.registrars.device import answered as answered_contact
from esl_huntgroup.registrars.device import is_by_address

POLL_S: Final = 0.04
POLLS_MAX: Final = 10
"""The fallback holds a caller who came by a transfer for two seconds."""


Exchange = Callable[[list[bytes]], list[Message]]


class Enquiries:
    """The questions of one call. ``exchange`` sends commands and returns the replies; all raise SwitchError."""

    def __init__(
        self,
        exchange: Exchange,
        directory: Directory,
        inbound: InboundCall,
        call_id: str,
    ) -> None:
        """Take what questions are asked by, and of whom."""
        self._exchange = exchange
        self._directory = directory
        self._inbound = inbound
        self._call_id = call_id

    def taker(self, now_ms: Callable[[], int], exchange: Exchange | None = None) -> TakerKnown:
        """
        Return who has the caller. One who is gone meanwhile is with nobody we know.

        Asked by ``exchange`` where the call's own connection is silent.
        """
        where = whereabouts(self._dump(self._inbound.channel_uuid, exchange))
        if not where.partner_uuid:
            return TakerKnown(Taker(where.number), now_ms())
        partner = self._dump(where.partner_uuid, exchange)
        address = line_of(partner, self._inbound.domain)
        user = self._directory.user_at(address) if address else None
        # ``pickup`` copies the variables of the pickup leg; nothing else gives this one to a channel that is no leg.
        has_joined = partner("variable_huntgroup_call") == self._call_id
        return TakerKnown(user or Taker(shown_name(partner) or where.number), now_ms(), has_joined)

    def replacement(self, channel_uuid: str, now_ms: Callable[[], int]) -> ReplacementKnown:
        """
        Return what has become of the channel that took the caller's place.

        The switch connects it with the leg that answered just after the caller's last event, so it may be asked more
        than once.
        """
        for _ in range(POLLS_MAX):
            channel = self._dump(channel_uuid)
            is_up = channel("Unique-ID") is not None
            leg_uuid = channel("variable_bridge_uuid") or ""
            if is_leg_of(self._call_id, leg_uuid) or not is_up:
                break
            gevent.sleep(POLL_S)
        name, number = callerid_of(channel)
        ours = leg_uuid if is_leg_of(self._call_id, leg_uuid) else ""
        return ReplacementKnown(ours, is_up, name, number, now_ms())

    def which_phone(self, answered: Answered, contact: str, exchange: Exchange | None = None) -> Answered:
        """
        Return an answer with the phone that it came from, where Kamailio rang a line as a whole and says which.

        Asked by ``exchange`` where the call's own connection is silent. Raises nothing: a switch that is lost now does
        not undo the answer.
        """
        if not is_by_address(contact):
            return answered
        try:
            leg = self._dump(answered.leg_uuid, exchange)
        except SwitchError:
            return answered
        user, host, port = (leg(f"variable_sip_contact_{name}") or "" for name in ("user", "host", "port"))
        address = f"sip:{user}@{host}:{port}" if host else ""
        ruid, agent = leg("variable_sip_rh_X-Contact-Ruid") or "", leg("variable_sip_user_agent") or ""
        found = answered_contact(contact, ruid, address, agent)
        return answered if found == contact else replace(answered, contact=found)

    def _dump(self, uuid: str, exchange: Exchange | None = None) -> Get:
        (answer,) = (exchange or self._exchange)([esl_commands.dump(uuid)])
        return read_dump(answer.text()).get
