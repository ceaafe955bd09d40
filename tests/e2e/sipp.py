"""
Phones and callers: SIPp processes on the loopback, each with a scenario written for its one behaviour.

A scenario is made of the blocks below. Every process logs each message with its time; ``Endpoint.messages`` reads
that log, so that a test can look at what was really on the wire.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from .sip import Message, free_port, read_log

SIPP = shutil.which("sipp")
LIFE_S = 120
FINAL_STATUSES = (
    302,
    400,
    403,
    404,
    408,
    410,
    480,
    481,
    482,
    483,
    484,
    486,
    487,
    488,
    500,
    501,
    502,
    503,
    504,
    600,
    603,
)


def require() -> None:
    """Skip the test where there is no SIPp."""
    if not SIPP:
        pytest.skip("SIPp is not installed (Debian package: sip-tester)")


_SDP = """v=0
o=sipp 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000"""


# ---------------------------------------------------------------- blocks


def _send(text: str, *, retrans: bool = False) -> str:
    attribute = ' retrans="500"' if retrans else ""
    return f"<send{attribute}><![CDATA[\n\n{text}\n\n]]></send>\n"


def _recv(what: str, *, inner: str = "", **attributes: str) -> str:
    kind = "response" if what.isdigit() else "request"
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f'<recv {kind}="{what}"{written}>{inner}</recv>\n'


def _label(name: str) -> str:
    return f'<label id="{name}"/>\n'


def _scenario(*blocks: str) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="e2e">\n' + "".join(blocks) + "</scenario>\n"


def _with_sdp(headers: str) -> str:
    return f"{headers}\nContent-Type: application/sdp\nContent-Length: [len]\n\n{_SDP.format(port=9)}"


# ---------------------------------------------------------------- phones

_REMEMBER = (
    "<action>"
    '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
    '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>'
    '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>'
    '<ereg regexp="&lt;([^&gt;]*)&gt;" search_in="hdr" header="Contact:" assign_to="whole,remote"/>'
    "</action>"
)
_INVITED = _recv("INVITE", inner=_REMEMBER)
_KNOWN = '<Reference variables="cseq,from,to,whole,remote"/>\n'
_TAG = ";tag=[pid]p[call_number]"


def _response(status: str, *, cseq: str = "[last_CSeq:]", extra: str = "") -> str:
    lines = [f"SIP/2.0 {status}", "[last_Via:]", "[last_From:]", f"[last_To:]{_TAG}", "[last_Call-ID:]", cseq]
    return "\n".join([*lines, *([extra] if extra else [])])


_CONTACT = "Contact: <sip:phone@[local_ip]:[local_port]>"
_EMPTY = "Content-Length: 0"
_180 = _send(_response("180 Ringing", extra=f"{_CONTACT}\n{_EMPTY}"))
_183 = _send(_with_sdp(_response("183 Session Progress", extra=_CONTACT)))
_200 = _send(_with_sdp(_response("200 OK", extra=_CONTACT)), retrans=True)
_OK = (
    "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n" + _EMPTY
)  # to a request in the dialogue: its To has our tag already


def _cancelled(headers: str = "", after_ms: int = 0) -> str:
    extra = f"{headers}\n{_EMPTY}" if headers else _EMPTY
    return (
        _send(_response("200 OK", extra=_EMPTY))
        + f'<pause milliseconds="{after_ms}"/>\n'
        + _send(_response("487 Request Terminated", cseq="CSeq: [$cseq] INVITE", extra=extra), retrans=True)
        + _recv("ACK", next="end")
    )


_CANCELLED = _cancelled()
_PHONE_HANGS_UP = _send(
    "BYE [$remote] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n"
    f"From:[$to]{_TAG}\nTo:[$from]\nCall-ID: [call_id]\nCSeq: 1 BYE\n{_EMPTY}",
    retrans=True,
) + _recv("200", next="end")
_END = _label("end")


def rings(headers: str = "", lets_go_after_ms: int = 0) -> str:
    """Ring until the switch cancels, and say so, with these header lines, at once or after a time."""
    return _scenario(_INVITED, _180, _recv("CANCEL"), _cancelled(headers, lets_go_after_ms), _END, _KNOWN)


def early_media() -> str:
    """Send 183 with media, as a phone with a personal announcement does, and never answer."""
    return _scenario(_INVITED, _183, _recv("CANCEL"), _CANCELLED, _END, _KNOWN)


def answers(after_ms: int = 500, hangs_up_after_ms: int | None = None) -> str:
    """Ring, answer, and hang up after a time (never, unless told). A call lost meanwhile is left as a phone does."""
    talk = {} if hangs_up_after_ms is None else {"timeout": str(hangs_up_after_ms), "ontimeout": "hangup"}
    return _scenario(
        _INVITED,
        _180,
        _recv("CANCEL", timeout=str(after_ms), ontimeout="answer"),
        _CANCELLED,
        _label("answer"),
        _200,
        _recv("CANCEL", optional="true", next="crossed"),
        _recv("ACK"),
        _label("talking"),
        _recv("BYE", **talk),
        _send(_OK),
        '<nop next="end"/>\n',
        _label("crossed"),
        _send(_response("200 OK", extra=_EMPTY)),
        _recv("ACK", next="talking"),
        _label("hangup"),
        _PHONE_HANGS_UP,
        _END,
        _KNOWN,
    )


def refuses(status: str, after_ms: int = 0, headers: str = "") -> str:
    """Ring, then send a final status such as ``486 Busy Here``; ``headers`` are whole header lines."""
    extra = f"{headers}\n{_EMPTY}" if headers else _EMPTY
    wait = (_180, f'<pause milliseconds="{after_ms}"/>\n') if after_ms else ()
    return _scenario(_INVITED, *wait, _send(_response(status, extra=extra), retrans=True), _recv("ACK"), _KNOWN)


# ---------------------------------------------------------------- callers


def calls(
    to: str,
    caller: str,
    *,
    domain: str,
    asks: str = "[remote_ip]:[remote_port]",
    display: str = "",
    headers: Sequence[str] = (),
    talk_ms: int = 1000,
    gives_up_after_ms: int | None = None,
) -> str:
    """
    Call ``to``; once answered talk for ``talk_ms``, then hang up unless the other side did.

    ``asks`` is the host of the Request-URI; ``display`` is written between the quotes as it is.
    """
    me = f'"{display}" <sip:{caller}@{domain}>;tag=[pid]c[call_number]'
    dialogue = f"From: {me}\nTo: <sip:{to}@{domain}>[peer_tag_param]\nCall-ID: [call_id]\nMax-Forwards: 70"
    invite = f"From: {me}\nTo: <sip:{to}@{domain}>\nCall-ID: [call_id]\nMax-Forwards: 70"
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
    uri = f"sip:{to}@{asks} SIP/2.0"
    same = f"[last_Via:]\n{dialogue}"
    give_up = {} if gives_up_after_ms is None else {"timeout": str(gives_up_after_ms), "ontimeout": "cancel"}
    contact = f"Contact: <sip:{caller}@[local_ip]:[local_port]>"
    extra = "".join(f"\n{header}" for header in headers)
    return _scenario(
        _send(
            _with_sdp(
                f"INVITE {uri}\n{via}\n{invite}\nCSeq: 1 INVITE\n{contact}\n"
                f"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\nUser-Agent: e2e caller{extra}"
            ),
            retrans=True,
        ),
        *(_recv(status, optional="true", **give_up) for status in ("100", "180", "183")),
        *(_recv(str(status), optional="true", next="refused", **give_up) for status in FINAL_STATUSES),
        _recv("200", rrs="true", **give_up),
        _send(f"ACK [next_url] SIP/2.0\n{via}\n{dialogue}\nCSeq: 1 ACK\n{_EMPTY}"),
        _recv("BYE", timeout=str(talk_ms), ontimeout="hangup"),
        _send(_OK),
        '<nop next="end"/>\n',
        _label("hangup"),
        _send(f"BYE [next_url] SIP/2.0\n{via}\n{dialogue}\nCSeq: 2 BYE\n{_EMPTY}", retrans=True),
        _recv("200", next="end"),
        _label("cancel"),
        _send(f"CANCEL {uri}\n[last_Via:]\n{invite}\nCSeq: 1 CANCEL\n{_EMPTY}"),
        _recv("200"),
        _recv("487"),
        _label("refused"),
        _send(f"ACK {uri}\n{same}\nCSeq: 1 ACK\n{_EMPTY}"),
        _END,
    )


# ---------------------------------------------------------------- processes


class Endpoint:
    """
    One SIPp process. ``remote`` is the switch for a caller, None for a phone, which serves any number of calls.

    A caller makes so many ``calls``, ``calls_per_s`` a second, however many are going on. After ``life_s`` it ends by
    itself.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        scenario: str,
        remote: tuple[str, int] | None = None,
        host: str = "127.0.0.1",
        *,
        calls: int = 1,
        calls_per_s: int = 1,
        life_s: int = LIFE_S,
        port: int = 0,
    ) -> None:
        assert SIPP, "sipp is not installed"
        self.name = name
        self.port = port or free_port()
        self._log = folder / f"{name}.messages.log"
        self._errors = folder / f"{name}.errors.log"
        scenario_file = folder / f"{name}.xml"
        scenario_file.write_text(scenario, encoding="utf-8")
        where = (
            [f"{remote[0]}:{remote[1]}", "-m", str(calls), "-l", str(calls), "-r", str(calls_per_s)] if remote else []
        )
        command = [SIPP, *where, "-sf", str(scenario_file), "-i", host, "-mi", host]
        command += ["-p", str(self.port), "-nostdin", "-nd", "-timeout", f"{life_s}s"]
        command += ["-trace_msg", "-message_file", str(self._log), "-trace_err", "-error_file", str(self._errors)]
        self._output = (folder / f"{name}.out").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, cwd=folder
        )

    @property
    def messages(self) -> list[Message]:
        """Everything sent and received so far, in order."""
        return read_log(self._log)

    @property
    def errors(self) -> str:
        """What SIPp itself complained about; empty for a call that went by its scenario."""
        return self._errors.read_text(errors="replace") if self._errors.exists() else ""

    def received(self, method: str) -> list[Message]:
        """Return the requests of that method that arrived here, each once however often it was repeated."""
        arrived = (message for message in self.messages if not message.sent and message.method == method)
        return list({(message.call_id, message.header("CSeq")): message for message in arrived}.values())

    def wait_received(self, method: str, count: int = 1) -> list[Message]:
        """Wait until so many requests of that method have arrived here, and return all that have."""
        self.wait_for(lambda endpoint: len(endpoint.received(method)) >= count)
        return self.received(method)

    def reasons(self, method: str, count: int = 1) -> list[str]:
        """Return the Reason of each request of that method, once ``count`` have arrived; empty where one had none."""
        return [message.header("Reason") for message in self.wait_received(method, count)]

    def sent(self, method: str) -> list[Message]:
        """Return the requests of that method that this end sent."""
        return [message for message in self.messages if message.sent and message.method == method]

    @property
    def statuses(self) -> list[int]:
        """Return the statuses received, in order, without 100 and repetitions."""
        arrived = [message.status for message in self.messages if not message.sent and message.status > 100]
        return list(dict.fromkeys(arrived))

    def wait_for(self, condition: Callable[[Endpoint], object], within_s: float = 10.0) -> None:
        """Wait until ``condition`` holds. Raises AssertionError with the whole conversation when it does not."""
        deadline = time.monotonic() + within_s
        while not condition(self):
            assert time.monotonic() < deadline, f"{self.name} waited {within_s} s in vain:\n{self.transcript()}"
            time.sleep(0.02)

    def wait_invited(self) -> Message:
        """Wait until this phone is asked to ring, and return the INVITE."""
        return self.wait_received("INVITE")[0]

    def wait_ended(self, within_s: float = 30.0) -> int:
        """Wait until the caller's only call is over, and return the final status it saw."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} is still calling:\n{self.transcript()}") from error
        final = self._final_answer()
        return final.status if final else 0

    @property
    def final_reason(self) -> str:
        """The Reason in the final answer to the caller's INVITE; empty where it has none."""
        final = self._final_answer()
        return final.header("Reason") if final else ""

    def _final_answer(self) -> Message | None:
        answers = (it for it in self.messages if not it.sent and it.status >= 200)
        return next((it for it in answers if it.header("CSeq").endswith("INVITE")), None)

    def transcript(self) -> str:
        """Return the conversation in short, for a failed test."""
        lines = [
            f"{message.at:.3f} {'->' if message.sent else '<-'} {message.start_line} {message.header('Reason')}"
            for message in self.messages
        ]
        return "\n".join([*lines, self.errors])

    def stop(self) -> None:
        """End the process at once, whatever it is doing."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._output.close()
