"""What the kernel and the switch say while the experiment runs, once a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ESTABLISHED = "01"
EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment. ``listeners`` maps the remote port of each event-socket connection to the bytes that it owes it."""

    at_s: float
    rss_kb: int
    channels: int
    listeners: dict[str, int]


class Gauges:
    """Samples the switch in the background. ``remote`` is the address of the service whose connections count."""

    def __init__(self, pid: int, esl_port: int, remote: str, channels: Callable[[], int]) -> None:
        """Begin to count the time."""
        self._pid = pid
        self._port = f"{esl_port:04X}"
        self._remote = "".join(f"{int(part):02X}" for part in reversed(remote.split(".")))
        self._channels = channels
        self._began = time.monotonic()
        self._is_over = threading.Event()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def now_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def stop(self) -> None:
        """Sample no more."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self.samples.append(self._look())

    def _look(self) -> Sample:
        return Sample(self.now_s, rss_kb(self._pid), self._channels(), self._listeners())

    def _listeners(self) -> dict[str, int]:
        found = {}
        for line in Path(f"/proc/{self._pid}/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, queues, *_ = line.split()
            host, port = remote.split(":")
            if local.endswith(f":{self._port}") and host == self._remote and state == ESTABLISHED:
                found[str(int(port, 16))] = int(queues.split(":")[0], 16)
        return found


def rss_kb(pid: int) -> int:
    """Return the memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
