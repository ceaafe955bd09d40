"""Signals for a loop that waits in a selector: they are put into a list, and the selector returns."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
from collections.abc import Iterator
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@contextlib.contextmanager
def signals_wake(selector: selectors.BaseSelector, received: list[int]) -> Iterator[None]:
    """Put the signals that arrive into the list, and let the selector return; what it returns is to be called."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    selector.register(ours, selectors.EVENT_READ, lambda: ours.recv(1024))
    before = {number: signal.signal(number, lambda it, _frame: received.append(it)) for number in SIGNALS}
    woken = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        selector.close()
        ours.close()
        theirs.close()
