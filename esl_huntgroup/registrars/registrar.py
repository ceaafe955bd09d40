"""PURE: what has to be known of a registrar: how it is asked who is registered, and how a device of its is dialled."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, Protocol

from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.lookups import Answer, LookUp
from esl_huntgroup.registrars.registrations import Registration


class Destination(NamedTuple):
    """
    How a device is dialled: ``endpoint`` as FreeSWITCH's ``bridge`` takes it, and the variables of this leg alone.

    ``endpoint`` stands in the dial string as it is (``registrars.contacts`` says what must not be in it); what a
    variable may hold, ``calls.dialstring`` checks.
    """

    endpoint: str
    variables: tuple[tuple[str, str], ...] = ()


class Registrar(Hashable, Protocol):
    """
    Who is registered, as a call asks it, and as ``explain`` does.

    An implementation is PURE: for the same lines it has the same questions, and they are remembered by it. Whoever asks
    sends them to the switch as ``api`` commands, and hands back the body of each answer as it came, in the same order.
    ``marker`` is the same in all questions of one process, and no phone can know it. A registrar that is not the switch
    has look-ups instead, which go to it by HTTP; what came of each is handed back in the same order, too.
    """

    def name(self, line: Line) -> str:
        """Return how people call the registrar of this line; empty for the switch itself."""

    def questions(self, lines: Sequence[Line], marker: str) -> Sequence[str]:
        """Return the api commands that ask who is registered at these lines."""

    def lookups(self, lines: Sequence[Line]) -> Sequence[LookUp]:
        """Return what others than the switch are asked about these lines."""

    def contacts(
        self, lines: Sequence[Line], answers: Sequence[bytes], marker: str, told: Sequence[Answer] = ()
    ) -> Mapping[Line, Contacts]:
        """
        Return the contacts of each line, as the answers to ``questions``, and to ``lookups``, tell them.

        Raises nothing.
        """

    def destination(self, line: Line, contact: str) -> Destination:
        """Return how a device is dialled; ``contact`` is one of the dialable contacts of this line."""

    def further_questions(self, contacts: Mapping[Line, Contacts]) -> Sequence[str]:
        """Return the api commands that ask what else is known of these contacts: for ``explain``, never in a call."""

    def registrations(
        self, contacts: Mapping[Line, Contacts], answers: Sequence[bytes], told: Sequence[Answer] = ()
    ) -> Mapping[str, Registration]:
        """
        Return contact → what the answers to ``further_questions``, and to the look-ups of its line, tell of it.

        ``contacts`` has the lines in the order in which they were asked for. Raises nothing.
        """
