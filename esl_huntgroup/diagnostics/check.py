"""
What an administrator asks before trusting the service: is everything there, and if not, what is to be done.

Each finding is one line: it is right, or what to do. What is looked at stands in ``checks``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from esl_huntgroup.diagnostics.checks.database import (
    check_database,
    domains_of_groups,
    has_lamps,
    numbers_by_domain,
    some_lines,
)
from esl_huntgroup.diagnostics.checks.journal import check_spool
from esl_huntgroup.diagnostics.checks.kamailio import check_kamailios, check_ways
from esl_huntgroup.diagnostics.checks.kamailio_numbers import check_numbers
from esl_huntgroup.diagnostics.checks.notices import check_notices
from esl_huntgroup.diagnostics.checks.service import check_service
from esl_huntgroup.diagnostics.checks.settings import check_addresses, check_descriptors
from esl_huntgroup.diagnostics.checks.switch import check_switch
from esl_huntgroup.diagnostics.finding import Finding, wrong
from esl_huntgroup.service.descriptors import hard_limit
from esl_huntgroup.settings import NO_EVENT_SOCKET, Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at settings, database, service, Kamailio and switch. Raises nothing: what fails is a finding."""
    yield from check_addresses(settings)
    yield check_descriptors(settings.max_calls, hard_limit())
    yield from check_database(settings)
    yield from check_spool(Path(settings.spool))
    yield from (check_service(settings, address) for address in settings.listen)
    if settings.kamailio:
        yield from check_kamailios(settings, some_lines(settings))
        yield from check_numbers(settings, numbers_by_domain(settings))
    yield from map(check_notices, settings.kamailio_notices)
    if not settings.esl_address:
        yield wrong(f"settings: {NO_EVENT_SOCKET}")
        return
    domains, are_lamps = domains_of_groups(settings), has_lamps(settings)
    for address in settings.esl_address:
        yield from check_switch(settings, address, domains, has_lamps=are_lamps)
        if settings.kamailio:
            yield from check_ways(settings, address)
