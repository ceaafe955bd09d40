"""Where the service keeps a web process."""

from __future__ import annotations

from esl_huntgroup.service.sidecar import Sidecar
from esl_huntgroup.settings import Settings
from esl_huntgroup.web.config import web_config

SERVER = "esl_huntgroup.web.server"
"""By name, so that the supervisor does not import a web framework."""


def web_sidecars(settings: Settings) -> list[Sidecar]:
    """Return the web process where ``web_listen`` names an address, else nothing."""
    if settings.web_listen is None:
        return []
    return [Sidecar("web process", SERVER, web_config(settings, settings.web_listen))]
