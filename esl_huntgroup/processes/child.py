"""
The side of a process that the service has started: what it is told at first, and when it is to end.

Standard input is a socket to who started it. The first message is the configuration, the next one is ``Leave``; an end
without that means that the service was killed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from esl_huntgroup.processes.messages import BYTES_MAX, decode, encode

T = TypeVar("T")


def configuration(kind: type[T]) -> T:
    """Return what the process was told at its start. Raises ValueError if that is something else."""
    return decode(os.read(sys.stdin.fileno(), BYTES_MAX), kind)


def ignore(signals: Iterable[int]) -> None:
    """Ignore signals that a terminal or a service manager sends to every process: the supervisor decides."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


class Service:
    """The service that started this process, as the standard input tells of it."""

    def __init__(self, file: int) -> None:
        """
        Take the file descriptor. The configuration has been read from it.

        ``has_died`` is whether it is gone without having said so; then its workers may still have calls.
        """
        self._file = file
        self._is_gone = False
        self.has_died = False

    def is_gone(self, wait_s: float) -> bool:
        """Return whether the service has let us go or died; wait so long for it."""
        if not self._is_gone and select.select([self._file], [], [], wait_s)[0]:
            self._is_gone, self.has_died = True, not os.read(self._file, 4096)
        return self._is_gone

    def tell(self, message: Any) -> None:
        """Tell the service something, a dataclass; where it does not listen, that is lost."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._file)) as line:
            line.send(encode(message), socket.MSG_DONTWAIT)
