"""Whether the settings let in whom they should, and whether the process may open as many files as they ask for."""

from __future__ import annotations

from collections.abc import Iterator

from esl_huntgroup.calls import peers
from esl_huntgroup.diagnostics.checks.hosts import is_loopback
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.model.text import counted
from esl_huntgroup.service.descriptors import calls_that_fit, needed
from esl_huntgroup.settings import Settings


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Say which addresses can be reached from other machines, and whether who reaches them can pose as the switch."""
    for host, port in settings.listen:
        if is_loopback(host):
            yield right(f"settings: {host} port {port} is reachable from this machine only")
        else:
            yield _check_open_address(f"settings: {host} port {port} can be reached from elsewhere", settings)
    if settings.metrics_listen and not is_loopback(settings.metrics_listen[0]):
        host, port = settings.metrics_listen
        yield wrong(
            f"settings: whoever reaches metrics_listen ({host} port {port}) reads how many calls there are: let a "
            "firewall admit nobody but Prometheus, or use 127.0.0.1"
        )


def _check_open_address(what: str, settings: Settings) -> Finding:
    networks = ", ".join(settings.allowed_peers)
    if settings.secret:
        return right(f"{what}; a call without the secret is given back")
    if peers.is_everybody(settings.allowed_peers):
        return wrong(
            f"{what}, and whoever reaches it can pose as the switch: name the addresses of the switches in "
            f"allowed_peers, which is {networks}, or set a secret"
        )
    if peers.are_loopback(settings.allowed_peers):
        return wrong(
            f"{what}, but every call from there is refused: name the addresses of the switches in allowed_peers"
        )
    return right(f"{what}, and admits nobody but {networks}")


def check_descriptors(max_calls: int, limit: int) -> Finding:
    """Say whether as many calls as there may be have room in the open files of one process."""
    if calls_that_fit(limit) < max_calls:
        return wrong(
            f"settings: max_calls is {max_calls}, but {limit} open files are enough for "
            f"{counted(calls_that_fit(limit), 'call')} only: raise the limit to {needed(max_calls)} "
            "(LimitNOFILE= of the unit, ulimit -Hn in a shell)"
        )
    return right(f"settings: {limit} open files are enough for {counted(max_calls, 'call')}")
