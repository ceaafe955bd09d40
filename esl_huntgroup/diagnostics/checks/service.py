"""Who answers on the addresses of the service."""

from __future__ import annotations

from typing import Final

from esl_huntgroup import __version__
from esl_huntgroup.calls import peers
from esl_huntgroup.diagnostics.checks.hosts import EVERYWHERE
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.errors import ProtocolError, SwitchError, SwitchTimeout
from esl_huntgroup.esl.greeting import version_of_listener
from esl_huntgroup.settings import Address, Settings

GREETING_TIMEOUT_S: Final = 5.0
"""Where systemd has the socket, the connection of ``check`` starts the service."""
_WHO_HAS_THE_PORT: Final = "see who has the port (ss -ltnp), or set listen to another one"


def check_service(settings: Settings, address: Address) -> Finding:
    """Ask who listens on one of the addresses of the service."""
    where = f"{address[0]} port {address[1]}"
    try:
        version = version_of_listener(address, GREETING_TIMEOUT_S)
    except SwitchTimeout as error:
        return wrong(f"service: what listens on {where} is not the service, or hangs ({error}); {_WHO_HAS_THE_PORT}")
    except ProtocolError as error:
        return wrong(f"service: what listens on {where} is not the service ({error}); {_WHO_HAS_THE_PORT}")
    except SwitchError as error:
        return wrong(f"service: nobody answers on {where} ({error}); start it: esl-huntgroup serve")
    if not version and not _admits_this_machine(settings, address[0]):
        return right(f"service: {where} closes at once, as it should: allowed_peers does not have this machine")
    if not version:
        return wrong(f"service: what listens on {where} is not the service (it closes at once); {_WHO_HAS_THE_PORT}")
    if version != __version__:
        return wrong(f"service: {version} answers on {where}, but {__version__} is installed; start it anew")
    return right(f"service: answers on {where}, version {version}")


def _admits_this_machine(settings: Settings, host: str) -> bool:
    """Return whether the service takes connections from its own machine by this address of it."""
    loopback = "::1" if ":" in host else "127.0.0.1"
    return peers.admits(settings.allowed_peers)(loopback if host in EVERYWHERE or host == "localhost" else host)
