"""
How ``check`` learns who listens on the port of the calls.

Whoever serves an outbound event socket says ``connect`` first, and is answered with a channel. ``check`` answers with a
question instead, which no switch sends, and only this service answers it. Nothing is begun by it, and nothing is told
but the version, to who may be a switch anyway.
"""

from __future__ import annotations

import re
import time
from typing import Final

from gevent import socket

from esl_huntgroup.errors import ProtocolError, SwitchGone, SwitchTimeout
from esl_huntgroup.esl.wire import COMMAND_REPLY, Message

CONNECT: Final = b"connect\n\n"
QUESTION: Final = b"Content-Type: command/reply\nReply-Text: +OK\nHuntgroup-Question: version\n\n"
ANSWER_MAX_BYTES: Final = 200
_ANSWER = re.compile(rb"Huntgroup-Version: ([0-9A-Za-z.+-]{1,64})\n\n")


def is_question(answer: Message) -> bool:
    """Return whether what answers ``connect`` is no channel but the question."""
    return (
        answer.content_type == COMMAND_REPLY and not answer.get("Unique-ID") and bool(answer.get("Huntgroup-Question"))
    )


def answer_with(version: str) -> bytes:
    """Return what the service says of itself."""
    return f"Huntgroup-Version: {version}\n\n".encode("ascii")


def version_of_listener(address: tuple[str, int], timeout_s: float) -> str:
    """
    Ask who listens there, and return the version of the service.

    The version is empty when the connection is closed without a word, as the service does with whom it does not admit.
    Raises SwitchGone when nobody listens, SwitchTimeout when nothing is said, ProtocolError when it is another program.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with socket.create_connection(address, timeout=timeout_s) as sock:
            said = _read(sock, len(CONNECT), deadline)
            if not said:
                return ""
            if said != CONNECT:
                raise ProtocolError(f"it says {said.decode('ascii', 'replace')!r}")
            sock.sendall(QUESTION)
            answer = _ANSWER.fullmatch(_read(sock, ANSWER_MAX_BYTES, deadline))
    except TimeoutError:
        raise SwitchTimeout(f"it says nothing within {timeout_s:g} s") from None
    except OSError as error:
        raise SwitchGone(error.strerror or str(error)) from None
    if answer is None:
        raise ProtocolError("it is another program with an outbound event socket")
    return answer[1].decode("ascii")


def _read(sock: socket.socket, most: int, deadline: float) -> bytes:
    """Return what is said until the end of the block, of the connection, or of ``most`` bytes."""
    said = b""
    while len(said) < most and not said.endswith(b"\n\n"):
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        if not (data := sock.recv(most - len(said))):
            break
        said += data
    return said
