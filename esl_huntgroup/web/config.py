"""What the web process is told."""

from __future__ import annotations

from dataclasses import dataclass, fields

from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.settings import KamailioAt, Settings


@dataclass(frozen=True, slots=True)
class SwitchesConfig:
    """The settings by which a group's page asks who would ring, named as in ``Settings``; no address: nobody."""

    esl_address: tuple[tuple[str, int], ...] = ()
    esl_password: str = ""
    leg_limit: int = LEG_LIMIT
    kamailio: tuple[KamailioAt, ...] = ()
    kamailio_secret: str = ""
    kamailio_profile: str = "internal"
    kamailio_timeout_s: float = 0.3


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The settings that the page needs; ``listen`` is ``(host, port)``, ``url`` has no slash at its end."""

    database: str
    listen: tuple[str, int]
    url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    user_header: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_claim: str = "preferred_username"
    session_days: float = 30.0
    country: str = "DE"
    language: str = "en"
    log_level: str = "info"
    log_format: str = "text"
    switches: SwitchesConfig = SwitchesConfig()

    @property
    def public_url(self) -> str:
        """The address under which members open the page, without a slash at its end."""
        host, port = self.listen
        return self.url or f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def is_secure(self) -> bool:
        """Whether members reach the page by TLS, so that cookies may go no other way."""
        return self.public_url.startswith("https:")


def web_config(settings: Settings, listen: tuple[str, int]) -> WebConfig:
    """Return what a web process is told that listens on this address."""
    return WebConfig(
        database=settings.database,
        listen=listen,
        url=settings.web_url,
        trusted_proxies=settings.web_trusted_proxies,
        user_header=settings.web_user_header,
        oidc_issuer=settings.web_oidc_issuer,
        oidc_client_id=settings.web_oidc_client_id,
        oidc_client_secret=settings.web_oidc_client_secret,
        oidc_claim=settings.web_oidc_claim,
        session_days=settings.web_session_days,
        country=settings.country,
        language=settings.language,
        log_level=settings.log_level,
        log_format=settings.log_format,
        switches=SwitchesConfig(**{it.name: getattr(settings, it.name) for it in fields(SwitchesConfig)}),
    )
