"""What tests with a Kamailio have in common: a switch, its service and a lab, each for as long as it is wanted."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from . import kamailio as kamailio_of
from . import sip
from .lab import Lab
from .service import Service
from .test_domains import SwitchOfTenants

_Lab = TypeVar("_Lab", bound=Lab)


@contextmanager
def switch_of_tenants(folder: Path, *edits: tuple[str, str], is_fast: bool = False) -> Iterator[SwitchOfTenants]:
    """Run a switch whose dialplan has these edits. Skips where there is no Kamailio."""
    kamailio_of.require()
    switch = SwitchOfTenants(folder, sip.free_port(socket.SOCK_STREAM), *edits, is_fast=is_fast)
    switch.start()
    try:
        yield switch
    finally:
        switch.stop()


@contextmanager
def service_of(folder: Path, switch: SwitchOfTenants, firm: Path) -> Iterator[Service]:
    """Set up the service of a switch; it is stopped at the end, and not started here."""
    service = Service(folder, port=switch.service_port)
    service.load(firm)
    service.witness(switch.esl_port)
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def lab_of(make: Callable[[], _Lab], service: Service, kamailio: str) -> Iterator[_Lab]:
    """Start the service with this setting ``kamailio`` and give a lab; both are ended then."""
    service.start({"ESL_HUNTGROUP_KAMAILIO": kamailio})
    lab = make()
    yield lab
    try:
        lab.close()
    finally:
        service.stop()
