"""The registrar of an installation, as its settings choose it for each domain."""

from __future__ import annotations

from esl_huntgroup.registrars.by_domain import ByDomain
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.kamailio import Kamailio
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.lookups import Rpc
from esl_huntgroup.registrars.registrar import Registrar
from esl_huntgroup.settings import EVERY_DOMAIN, Settings


def registrar_of(settings: Settings) -> Registrar:
    """Return FreeSWITCH, or Kamailio for the domains that have one."""
    if not settings.kamailio:
        return FREESWITCH
    profile = settings.kamailio_profile
    every = {domain: Kamailio(Rpc(*rpc) if rpc else None, sip, profile) for domain, rpc, sip in settings.kamailio}
    other = every.pop(EVERY_DOMAIN, FREESWITCH)
    return ByDomain(tuple(every.items()), other)


def client_of(settings: Settings) -> KamailioClient:
    """Return what asks the Kamailios of these settings."""
    return KamailioClient(settings.kamailio_secret, settings.kamailio_timeout_s)
