"""Whether a Kamailio takes the connection by which it tells of registrations."""

from __future__ import annotations

from typing import Final

from gevent import socket

from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.settings import Address

WITHIN_S: Final = 2.0
STAYS_S: Final = 0.5
"""Who may not listen is put out at once."""
README: Final = "kamailio/README.md"


def check_notices(address: Address) -> Finding:
    """Connect, and see that the connection stays. Raises nothing."""
    where = f"kamailio: {address[0]} port {address[1]}"
    try:
        with socket.create_connection(address, timeout=WITHIN_S) as connection:
            connection.settimeout(STAYS_S)
            is_open = _is_open(connection)
    except OSError as error:
        return wrong(
            f"{where} tells of no registration: {error.strerror or error}; see late-registration.cfg, {README}"
        )
    if not is_open:
        return wrong(f"{where} ends the connection at once: HUNTGROUP_NOTICES_TO has to be the address of this host")
    return right(f"{where} tells which phones have registered")


def _is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return True
