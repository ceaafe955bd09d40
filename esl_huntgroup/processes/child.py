"""
The side of a process that the service has started: what it is told at first, and when it is to end.

Standard input is a socket to who started it. The first message is the configuration, the next one is ``Leave``; an end
without that means that the service was killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from typing import TypeVar

from esl_huntgroup.processes.messages import BYTES_MAX, decode

T = TypeVar("T")


def configuration(kind: type[T]) -> T:
    """Return what the process was told at its start. Raises ValueError if that is something else."""
    return decode(os.read(sys.stdin.fileno(), BYTES_MAX), kind)


def ignore(signals: Iterable[int]) -> None:
    """Ignore signals that a terminal or a service manager sends to every process: the supervisor decides."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
