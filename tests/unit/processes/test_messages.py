"""What goes between the service and its processes comes out as it went in, and nothing else is taken."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from esl_huntgroup.calls.counters import TO_BRIDGE_S, Histogram, Snapshot
from esl_huntgroup.journal.writer import WriterConfig
from esl_huntgroup.processes.messages import BYTES_MAX, Leave, decode, encode
from esl_huntgroup.recovery.reconciler import ReconcilerConfig
from esl_huntgroup.service.process import Beat, Refusal, WorkerConfig
from esl_huntgroup.settings import WORKERS_MAX, Settings

SETTINGS = Settings(listen=(("::1", 8084), ("127.0.0.1", 8084)), metrics_listen=("127.0.0.1", 9184), secret="a1" * 8)
NOT_UTF8 = "/var/lib/\udcfcber/spool"
"""The path of a folder whose name is not UTF-8, as Python has it."""


@pytest.mark.parametrize(
    "message",
    [
        WorkerConfig(WORKERS_MAX, SETTINGS, (3, 4), 5),
        WriterConfig("postgresql://huntgroup:gehe!m@db/huntgroup", NOT_UTF8),
        ReconcilerConfig("sqlite:///x.db", (("pbx", 8021), ("::1", 8021)), "ClueCon", NOT_UTF8),
        Leave(1.5),
        Leave(),
        Refusal("der Spool ist nicht schreibbar: „/spool“"),
    ],
)
def test_a_message_is_read_as_it_was_written(message: Any) -> None:
    data = encode(message)
    assert data.isascii()
    assert decode(data, type(message)) == message


def test_what_a_worker_has_counted_can_be_added_up_again() -> None:
    snapshot = Snapshot(Counter(answered=2), Counter(journal_bytes=7), {"open": 1.0})
    snapshot.to_bridge.observe(0.003)
    said = decode(encode(Beat(is_draining=True, reading=snapshot)), Beat)
    assert said.is_draining
    assert (said.reading.outcomes, said.reading.counters) == (snapshot.outcomes, snapshot.counters)
    said.reading.outcomes.update({"answered": 1})
    assert said.reading.outcomes == {"answered": 3}
    whole = Histogram(TO_BRIDGE_S)
    whole.add(said.reading.to_bridge)
    assert whole.counts == snapshot.to_bridge.counts


@pytest.mark.parametrize("data", [b"", b"leave\n", b"[]", b'{"limit_s": "soon"}', b"\x80\x04N."])
def test_what_is_no_such_message_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        decode(data, Leave)


def test_a_worker_with_the_longest_settings_that_a_file_can_have_still_fits() -> None:
    many = tuple((f"2001:db8::{number:x}", 8084) for number in range(256))
    assert len(encode(WorkerConfig(1, Settings(listen=many, esl_address=many), tuple(range(256)), 1))) < BYTES_MAX
