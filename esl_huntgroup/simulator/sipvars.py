"""
PURE: the channel variables that mod_sofia and the core set on the caller's channel, moment by moment.

The names and their order are those of the recordings; the values are what a phone on the loopback would produce.
Media is not simulated, its variables are constants: they are there because a real event has them.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from esl_huntgroup.simulator.event import Times

Pairs = list[tuple[str, str]]

_CALLER_SDP: Final = (
    "v=0\r\no=simulated 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 42364 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
)
_OUR_SDP: Final = _CALLER_SDP.replace("42364", "25904")
_PORT: Final = "5091"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the From of the INVITE, and further SIP headers, which become ``variable_sip_h_…``."""

    number: str = "1000"
    name: str = "Caller 1000"
    domain: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    history_info: str = ""


@dataclass(frozen=True, slots=True)
class Dialog:
    """The identifiers of the caller's SIP dialog."""

    call_id: str
    from_tag: str
    to_tag: str


def invite(caller: Caller, domain: str, number: str, dialog: Dialog, now: int) -> Pairs:
    """Return what an incoming INVITE leaves on the channel (sofia_handle_sip_i_invite)."""
    address = f"{caller.number}@{caller.domain or domain}"
    display = [("sip_from_display", caller.name)] if caller.name else []
    quoted = f'"{caller.name}" ' if caller.name else ""
    return [
        ("sip_from_user", caller.number),
        ("sip_from_uri", address),
        ("sip_from_host", caller.domain or domain),
        ("video_media_flow", "disabled"),
        ("audio_media_flow", "disabled"),
        ("text_media_flow", "disabled"),
        ("channel_name", f"sofia/internal/{address}"),
        ("sip_call_id", dialog.call_id),
        ("sip_local_network_addr", "127.0.0.1"),
        ("sip_network_ip", "127.0.0.1"),
        ("sip_network_port", _PORT),
        ("sip_invite_stamp", str(now)),
        ("sip_received_ip", "127.0.0.1"),
        ("sip_received_port", _PORT),
        ("sip_via_protocol", "udp"),
        ("sip_from_user_stripped", caller.number),
        ("sip_from_tag", dialog.from_tag),
        ("sofia_profile_name", "internal"),
        ("sofia_profile_url", "sip:mod_sofia@127.0.0.1:5060"),
        ("recovery_profile_name", "internal"),
        ("sip_full_via", f"SIP/2.0/UDP 127.0.0.1:{_PORT};branch=z9hG4bK-{dialog.call_id}"),
        *display,
        ("sip_full_from", f"{quoted}<sip:{address}>;tag={dialog.from_tag}"),
        ("sip_full_to", f"<sip:{number}@{domain}>"),
        ("sip_allow", "INVITE, ACK, BYE, CANCEL, OPTIONS"),
        ("sip_req_user", number),
        ("sip_req_port", "5060"),
        ("sip_req_uri", f"{number}@127.0.0.1:5060"),
        ("sip_req_host", "127.0.0.1"),
        ("sip_to_user", number),
        ("sip_to_uri", f"{number}@{domain}"),
        ("sip_to_host", domain),
        ("sip_contact_params", "transport=UDP"),
        ("sip_contact_user", caller.number),
        ("sip_contact_port", _PORT),
        ("sip_contact_uri", f"{caller.number}@127.0.0.1:{_PORT}"),
        ("sip_contact_host", "127.0.0.1"),
        ("rtp_use_codec_string", "PCMU,PCMA"),
        ("sip_user_agent", "simulated"),
        ("sip_via_host", "127.0.0.1"),
        ("sip_via_port", _PORT),
        *((f"sip_h_{name}", value) for name, value in caller.headers.items()),
        *([("sip_history_info", caller.history_info)] if caller.history_info else []),
        ("max_forwards", "70"),
        ("switch_r_sdp", _CALLER_SDP),
        ("ep_codec_string", "CORE_PCM_MODULE.PCMU@8000h@20i@64000b"),
        ("endpoint_disposition", "DELAYED NEGOTIATION"),
        ("DP_MATCH", f"ARRAY::{number}|:{number}"),
    ]


PEER_MEDIA: Final = (
    ("switch_m_sdp", _CALLER_SDP),
    ("video_media_flow", "inactive"),
    ("text_media_flow", "inactive"),
)
"""Set when the phone that answered has sent its media description."""

MEDIA: Final = (
    ("rtp_use_codec_string", "PCMU,PCMA"),
    ("remote_video_media_flow", "inactive"),
    ("remote_text_media_flow", "inactive"),
    ("remote_audio_media_flow", "sendrecv"),
    ("audio_media_flow", "sendrecv"),
    ("rtp_audio_recv_pt", "0"),
    ("rtp_use_codec_name", "PCMU"),
    ("rtp_use_codec_rate", "8000"),
    ("rtp_use_codec_ptime", "20"),
    ("rtp_use_codec_channels", "1"),
    ("rtp_last_audio_codec_string", "PCMU@8000h@20i@1c"),
    ("read_codec", "PCMU"),
    ("original_read_codec", "PCMU"),
    ("read_rate", "8000"),
    ("original_read_rate", "8000"),
    ("write_codec", "PCMU"),
    ("write_rate", "8000"),
    ("dtmf_type", "rfc2833"),
    ("local_media_ip", "127.0.0.1"),
    ("local_media_port", "25904"),
    ("advertised_media_ip", "127.0.0.1"),
    ("rtp_use_timer_name", "soft"),
    ("rtp_use_pt", "0"),
    ("rtp_use_ssrc", "2064403224"),
    ("rtp_2833_send_payload", "101"),
    ("rtp_2833_recv_payload", "101"),
    ("remote_media_ip", "127.0.0.1"),
    ("remote_media_port", "42364"),
    ("rtp_local_sdp_str", _OUR_SDP),
    ("endpoint_disposition", "ANSWER"),
)
"""Set when the caller is answered."""

CALLER_CANCELLED: Final = (
    ("sip_hangup_disposition", "recv_cancel"),
    ("sip_invite_failure_status", "487"),
    ("sip_invite_failure_phrase", "CANCEL"),
    ("sip_term_status", "487"),
    ("proto_specific_hangup_cause", "sip:487"),
    ("sip_term_cause", "487"),
)
"""Set when the caller gives up before an answer."""

CALLER_TERMINATED: Final = (
    ("sip_term_status", "200"),
    ("proto_specific_hangup_cause", "sip:200"),
    ("sip_term_cause", "16"),
)


def caller_bye(caller: Caller, domain: str, number: str, dialog: Dialog) -> Pairs:
    """Return what the caller's BYE leaves, before CALLER_TERMINATED: the dialog is described once more."""
    address = f"{caller.number}@{caller.domain or domain}"
    return [
        ("sip_to_tag", dialog.to_tag),
        ("sip_from_tag", dialog.from_tag),
        ("sip_cseq", "1"),
        ("sip_call_id", dialog.call_id),
        ("sip_full_via", f"SIP/2.0/UDP 127.0.0.1:{_PORT};branch=z9hG4bK-{dialog.call_id}-53"),
        ("sip_from_display", caller.name),
        ("sip_full_from", f'"{caller.name}" <sip:{address}>;tag={dialog.from_tag}'),
        ("sip_full_to", f"<sip:{number}@{domain}>;tag={dialog.to_tag}"),
    ]


_RTP_ZERO: Final = (
    *(f"in_{name}" for name in ("raw_bytes", "media_bytes", "packet_count", "media_packet_count")),
    *(f"in_{name}_packet_count" for name in ("skip", "jitter", "dtmf", "cng", "flush")),
    "in_largest_jb_size",
)
_RTP_FLOAT: Final = ("min_variance", "max_variance", "loss_rate", "burst_rate")
_RTP_OUT: Final = (
    *(f"out_{name}" for name in ("raw_bytes", "media_bytes", "packet_count", "media_packet_count")),
    *(f"out_{name}_packet_count" for name in ("skip", "dtmf", "cng")),
    "rtcp_packet_count",
    "rtcp_octet_count",
)


def rtp_statistics() -> Pairs:
    """Return the statistics of a media stream in which nothing was heard."""
    return [
        *((f"rtp_audio_{name}", "0") for name in _RTP_ZERO),
        *((f"rtp_audio_in_jitter_{name}", "0.00") for name in _RTP_FLOAT),
        ("rtp_audio_in_mean_interval", "0.00"),
        ("rtp_audio_in_flaw_total", "0"),
        ("rtp_audio_in_quality_percentage", "100.00"),
        ("rtp_audio_in_mos", "4.50"),
        *((f"rtp_audio_{name}", "0") for name in _RTP_OUT),
    ]


def call_record(times: Times, last_app: str, last_arg: str, caller_id: str) -> Pairs:
    """Return the times of the whole call, as seconds, stamps and durations (switch_channel_set_timestamps)."""
    return [
        ("digits_dialed", "none"),
        *_stamps(times),
        *_epochs(times),
        ("last_app", last_app),
        ("last_arg", last_arg),
        ("caller_id", caller_id),
        *_durations(times),
    ]


def _stamps(times: Times) -> Pairs:
    moments = [
        ("start", times.created),
        ("profile_start", times.profile_created),
        ("answer", times.answered),
        ("bridge", times.bridged),
        ("progress", times.progress),
        ("progress_media", times.progress_media),
        ("end", times.hangup),
    ]
    return [(f"{name}_stamp", _stamp(micros)) for name, micros in moments if micros]


def _stamp(micros: int) -> str:
    at = datetime.datetime.fromtimestamp(micros / 1_000_000, datetime.UTC)
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _epochs(times: Times) -> Pairs:
    return [
        *_epoch("start", times.created),
        *_epoch("profile_start", times.profile_created),
        *_epoch("answer", times.answered),
        *_epoch("bridge", times.bridged),
        *_epoch("last_hold", 0),
        ("hold_accum_seconds", "0"),
        ("hold_accum_usec", "0"),
        ("hold_accum_ms", "0"),
        *_epoch("resurrect", 0),
        *_epoch("progress", times.progress),
        *_epoch("progress_media", times.progress_media),
        *_epoch("end", times.hangup),
    ]


def _epoch(name: str, micros: int) -> Pairs:
    return [(f"{name}_epoch", str(micros // 1_000_000)), (f"{name}_uepoch", str(micros))]


def _durations(times: Times) -> Pairs:
    def since(later: int, earlier: int) -> int:
        return later - earlier if later and earlier else 0

    spans = {
        "": since(times.hangup, times.created),
        "bill": since(times.hangup, times.answered),
        "progress": since(times.progress, times.created),
        "answer": since(times.answered, times.created),
        "wait": since(times.bridged, times.created),
        "progress_media": since(times.progress_media, times.created),
        "flow_bill": since(times.hangup, times.created) if times.answered else 0,
    }
    seconds = [(f"{name}sec" if name else "duration", str(round(span / 1_000_000))) for name, span in spans.items()]
    millis = [(f"{name}msec" if name else "mduration", str(span // 1000)) for name, span in spans.items()]
    micros = [(f"{name}usec" if name else "uduration", str(span)) for name, span in spans.items()]
    return seconds + millis + micros
