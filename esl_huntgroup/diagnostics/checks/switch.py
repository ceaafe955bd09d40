"""Asks a switch what the checks of its release, its modules, its SIP profiles and its dialplan judge."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from esl_huntgroup.diagnostics.checks import profiles
from esl_huntgroup.diagnostics.checks.dialplan import check_dialplan
from esl_huntgroup.diagnostics.checks.offer import check_modules, check_offer
from esl_huntgroup.diagnostics.checks.release import check_release
from esl_huntgroup.diagnostics.checks.switch_conf import check_expansion, check_rate
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.errors import SwitchError
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.settings import Address, Settings


def check_switch(
    settings: Settings, address: Address, domains: Collection[str], *, has_lamps: bool
) -> Iterator[Finding]:
    """
    Ask the switch at this address.

    ``domains`` are those in which there are groups, ``has_lamps`` is whether a group has a lamp.
    Raises nothing: what fails is a finding.
    """
    host, port = address
    try:
        with InboundSession(host, port, settings.esl_password) as switch:
            version = switch.api("version short").strip()
            yield right(f"switch: {version} answers on {host} port {port}")
            yield from check_release(version)
            yield from check_offer(switch.api("show application as json"), switch.api("show api as json"))
            of_profiles = switch.api(profiles.PROFILES)
            yield from profiles.check_profiles(of_profiles)
            yield from check_modules(lambda name: switch.api(f"module_exists {name}") == "true")
            yield check_rate(switch.api("fsctl sps"))
            yield check_expansion(switch.api("expand echo ${strepoch()}"))

            def is_registered_at(name: str) -> bool:
                return profiles.has_registrations(switch.api(f"sofia xmlstatus profile {name}"))

            yield profiles.check_registrations(of_profiles, is_registered_at)
            if has_lamps:
                yield from profiles.check_presence(of_profiles, is_registered_at)
            yield from check_dialplan(
                switch.api("xml_locate dialplan"), settings.listen, wants_secret=bool(settings.secret), domains=domains
            )
    except SwitchError as error:
        yield wrong(f"switch: {error}")
