"""``esl-huntgroup demo --web``: a page that is signed in, calls that go on, and nothing left behind."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

CALL_S = 40
STOP_S = 10


def _hear_ctrl_c() -> None:
    """Begin as a terminal begins a program: whoever runs the tests in the background ignores this signal for all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Demo:
    """One run of the demo; ``urls`` are the doors of Anna and Bernd."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "esl_huntgroup", "demo", "--web"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "TMPDIR": str(home)},
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509  # this process has no other threads
        )
        self.said: list[str] = []
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if "Ctrl-C" in line:
                break
        self.urls = re.findall(r"http://\S+/demo/\S+", "".join(self.said))

    def page(self, url: str) -> str:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        with urllib.request.build_opener(jar).open(url, timeout=10) as answer:
            read: bytes = answer.read()
        return read.decode()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory() as home:
        running = Demo(Path(home))
        yield running
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
        running.process.communicate(timeout=STOP_S)


def test_one_is_signed_in_as_anna_or_as_bernd_who_leads_the_group(demo: Demo) -> None:
    anna, bernd = map(demo.page, demo.urls)
    assert "Anna Berg</bdi></a>" in anna
    assert "/groups/1" not in anna
    assert "Bernd Cordes</bdi></a>" in bernd
    assert "/groups/1" in bernd
    assert anna.count('data-call="') == 50


def test_people_go_on_calling(demo: Demo) -> None:
    def newest() -> str:
        found: list[str] = re.findall(r'data-call="([^"]+)"', demo.page(demo.urls[0]))
        return max(found)

    first, deadline = newest(), time.monotonic() + CALL_S
    while newest() == first:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_link_that_nobody_was_given_leads_nowhere(demo: Demo) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        demo.page(demo.urls[0][:-3])


def test_ctrl_c_ends_it_and_leaves_nothing_behind(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGINT)
    output, _ = demo.process.communicate(timeout=STOP_S)
    assert (demo.process.returncode, output.strip()) == (0, "")
    assert [*demo.home.iterdir()] == []
    with pytest.raises(OSError, match="refused"):
        demo.page(demo.urls[0])
