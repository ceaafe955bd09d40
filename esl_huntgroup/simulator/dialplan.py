"""
PURE: the extensions that the simulated switch knows.

``huntgroup`` and ``fallback`` are those of freeswitch/dialplan/00_huntgroup.xml, action by action; a test holds them
together. ``bare`` is the extension with which the streams in tests/data/wire were recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

FALLBACK = "huntgroup-fallback"

Action = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Extension:
    """A name, and the applications that are executed one after the other."""

    name: str
    actions: tuple[Action, ...]


def huntgroup(service: str, domain: str, watchdog_s: int | None = 8, *, is_fast: bool = False) -> Extension:
    """
    Return the extension of the group numbers.

    ``watchdog_s`` None: an administrator has left the watchdog out. ``is_fast`` is the variant without ``async``.
    """
    watchdog = ""
    if watchdog_s is not None:
        watchdog = f"${{sched_api(+{watchdog_s} huntgroup-${{uuid}} uuid_transfer ${{uuid}} {FALLBACK})}}"
    return Extension(
        "huntgroup",
        (
            (
                "multiset",
                f"^^;huntgroup_domain={domain};huntgroup_fallback={FALLBACK};huntgroup_watchdog={watchdog}"
                f";huntgroup_watchdog_s={watchdog_s};huntgroup_arrived=${{strepoch()}}"
                ";huntgroup_result=;continue_on_fail=true;hangup_after_bridge=true;sip_ignore_remote_cause=true"
                ";park_timeout=-1;api_on_answer_huntgroup=uuid_setvar_multi ${uuid} sip_reason=",
            ),
            ("socket", f"{service} full" if is_fast else f"{service} async full"),
            ("multiset", "^^;app_disable_expand_variables=;park_timeout=;sip_reason="),
            ("sched_cancel", "huntgroup-${uuid}"),
            ("transfer", FALLBACK),
        ),
    )


def bare(service: str) -> Extension:
    """Return an extension that does nothing but hand the call over."""
    return Extension("bare", (("socket", f"{service} async full"),))


def fallback(result: str) -> Extension:
    """Return the fallback extension as it is routed for this ``huntgroup_result``."""
    status = {
        "all_busy": "486 Busy Here",
        "unknown_number": "404 Not Found",
        "no_answer": "480 Temporarily Unavailable",
        "nobody_registered": "480 Temporarily Unavailable",
        "group_disabled": "480 Temporarily Unavailable",
    }.get(result, "503 Service Unavailable")
    return Extension(
        FALLBACK, (("unset", "app_disable_expand_variables"), ("unset", "sip_reason"), ("respond", status))
    )


def answering_machine(number: str) -> Extension:
    """Return an extension that answers and plays a tone until the caller has heard enough."""
    return Extension(number, (("answer", ""), ("playback", "tone_stream://%(1000,200,440);loops=5")))
