"""
The settings: each declared once, with its default, its check and its sentence.

defaults < TOML file < environment (``ESL_HUNTGROUP_NAME``) < command line (``--name``). An unknown key in the file or
an unknown ``ESL_HUNTGROUP_`` variable is refused. Secrets have no command-line option, where ``ps`` would show them,
and a database URL with a password is refused there.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from esl_huntgroup.db.engine import safe_url, who_may
from esl_huntgroup.errors import InputError, SettingsError
from esl_huntgroup.model.group import HuntMode
from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.model.numbers import stored_domain

PREFIX: Final = "ESL_HUNTGROUP_"
DEFAULT_FILE: Final = Path("/etc/esl-huntgroup.toml")
CONFIG_VARIABLE: Final = PREFIX + "CONFIG"

WORKERS_MAX: Final = 64
SECRET_MIN_CHARS: Final = 16
"""Too many to be guessed over the network, even without a limit on the tries."""
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")

NO_EVENT_SOCKET: Final = (
    "esl_address is not set: should a worker die, the journal never hears how its calls end, and nobody can ask the "
    "switch; set esl_address and esl_password to the event socket of every switch"
)
"""What the service and ``check`` say where the second witness is missing."""

PREFIX_MAX_DIGITS: Final = 4

Address = tuple[str, int]
_WEB_URL = re.compile(r"https?://(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[0-9a-fA-F:.%]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})", re.ASCII)


_RPC = re.compile(
    r"http://(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})(?P<path>/[A-Za-z0-9._/-]*)",
    re.ASCII,
)
_SIP = re.compile(r"[A-Za-z0-9._-]+:(?P<port>\d{1,5})(?:;transport=(?:udp|tcp|tls))?", re.ASCII)
_CREDENTIALS = re.compile(r"(?<=//)[^/\s]*@|(?<![^\s,])[^\s/,@]+:[^\s/,@]*@")
EVERY_DOMAIN: Final = "*"


class KamailioAt(NamedTuple):
    """
    Who is the registrar of a domain: ``rpc`` is host, port and path where it is asked, None where it is not.

    ``sip`` is where FreeSWITCH sends its calls. ``domain`` may be EVERY_DOMAIN: each that has no entry of its own.
    """

    domain: str
    rpc: tuple[str, int, str] | None
    sip: str


class PublishAt(NamedTuple):
    """Where the lamps of a domain are published, by SIP over UDP. ``domain`` may be EVERY_DOMAIN, as above."""

    domain: str
    host: str
    port: int


_OfDomain = TypeVar("_OfDomain", KamailioAt, PublishAt)


def _setting(default: Any, read: Callable[[Any], Any], sentence: str, *, is_secret: bool = False) -> Any:
    metadata = {"read": read, "sentence": sentence, "is_secret": is_secret, "range": getattr(read, "range", "")}
    return dataclasses.field(default=default, metadata=metadata)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("a line of text is accepted")
    return value


def _one_of(*accepted: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in accepted:
            raise ValueError(f"{', '.join(accepted[:-1])} or {accepted[-1]} is accepted")
        return str(value)

    return read


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        what = "a whole number" if kind is int else "a number"
        sentence = f"{what} from {least:g} to {most:g} is accepted"
        if isinstance(value, bool):
            raise ValueError(sentence)
        try:
            number = kind(value)
            is_whole = number == float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(sentence) from None
        if (kind is int and not is_whole) or not least <= number <= most:
            raise ValueError(sentence)
        return number

    read.range = f"{least:g} to {most:g}"  # type: ignore[attr-defined]  # for the help
    return read


def _some_of(*accepted: str) -> Callable[[Any], tuple[str, ...]]:
    """Read a list, or a text with commas; the result is in the order of ``accepted``."""

    def read(value: Any) -> tuple[str, ...]:
        chosen = {str(word).strip() for word in (value if isinstance(value, list) else str(value).split(","))}
        if not chosen <= set(accepted):
            raise ValueError(f"a list of {', '.join(accepted)} is accepted")
        return tuple(word for word in accepted if word in chosen)

    return read


def _domain(value: Any) -> str:
    try:
        return stored_domain(_text(value)) if value else ""
    except InputError as error:
        raise ValueError(str(error)) from None


def _addresses(value: Any) -> tuple[Address, ...]:
    texts = value if isinstance(value, list) else str(value).split(",")
    if not texts:
        raise ValueError("at least one HOST:PORT is accepted")
    return tuple(_address(text) for text in texts)


def _optional_address(value: Any) -> Address | None:
    return _address(value) if value else None


def _optional_addresses(value: Any) -> tuple[Address, ...]:
    return _addresses(value) if value else ()


def _address(value: Any) -> Address:
    match = _ADDRESS.fullmatch(str(value).strip())
    if not match or int(match["port"]) > 65535:
        raise ValueError(f"{value!r} is not an address: HOST:PORT is accepted, [::1]:8084 for IPv6")
    return match["ipv6"] or match["host"], int(match["port"])


def _networks(value: Any) -> tuple[str, ...]:
    """Return networks in normal form; ``10.0.0.7`` is the network of this one address."""
    texts = value if isinstance(value, list) else str(value).split(",")
    try:
        return tuple(str(ipaddress.ip_network(str(text).strip())) for text in texts)
    except ValueError:
        raise ValueError("networks are accepted, such as 127.0.0.0/8, 10.1.2.3 or fd00::/64") from None


def _optional_networks(value: Any) -> tuple[str, ...]:
    return _networks(value) if value else ()


def _kamailios(value: Any) -> tuple[KamailioAt, ...]:
    return _one_for_each_domain(value, _kamailio, "and has one registrar")


def _one_for_each_domain(value: Any, read: Callable[[Any], _OfDomain], why: str) -> tuple[_OfDomain, ...]:
    """Return what is said of each domain. Raises ValueError, also for one that is there twice, and says ``why``."""
    texts = [text for text in (value if isinstance(value, list) else str(value).split(",")) if text]
    found = tuple(map(read, texts))
    domains = [it.domain for it in found]
    if twice := next((domain for domain in domains if domains.count(domain) > 1), ""):
        raise ValueError(f"the domain {twice} is there twice, {why}")
    return found


def _kamailio(value: Any) -> KamailioAt:
    words = str(value).split()
    accepted = "'DOMAIN http://HOST:PORT/PATH SIP_HOST:PORT' is accepted, or 'DOMAIN SIP_HOST:PORT' without look-ups"
    if any("@" in word for word in words):
        raise ValueError("an address with credentials is not accepted: the secret belongs into kamailio_secret")
    if len(words) not in (2, 3):
        raise ValueError(accepted)
    domain, *url, sip = words
    rpc = _rpc(url[0]) if url else None
    address = _SIP.fullmatch(sip)
    if not address or not 0 < int(address["port"]) <= 65535:
        raise ValueError(f"{sip!r} is no SIP address: HOST:PORT is accepted, with ;transport=tcp or tls behind it")
    return KamailioAt(domain if domain == EVERY_DOMAIN else _domain(domain), rpc, sip)


def _presence_servers(value: Any) -> tuple[PublishAt, ...]:
    return _one_for_each_domain(value, _presence_server, "and is published at one server")


def _presence_server(value: Any) -> PublishAt:
    domain, _, sip = str(value).strip().partition(" ")
    address = _ADDRESS.fullmatch(sip.strip())
    if not address or not 0 < int(address["port"]) <= 65535:
        raise ValueError("'DOMAIN SIP_HOST:PORT' is accepted, where PUBLISH is taken by UDP")
    host = address["ipv6"] or address["host"]
    return PublishAt(domain if domain == EVERY_DOMAIN else _domain(domain), host, int(address["port"]))


def _rpc(url: str) -> tuple[str, int, str]:
    match = _RPC.fullmatch(url)
    if not match or not 0 < int(match["port"]) <= 65535:
        raise ValueError(f"{url!r} is no address of the RPC: http://HOST:PORT/PATH is accepted, without TLS")
    return match["ipv6"] or match["host"], int(match["port"]), match["path"]


def _web_url(value: Any) -> str:
    """Return an address of the web without the slash at its end."""
    text = _text(value)
    if text and not _WEB_URL.fullmatch(text):
        raise ValueError("https://HOST or https://HOST/PATH is accepted (http:// too), or nothing")
    return text.rstrip("/")


def _page_url(value: Any) -> str:
    """Return the address of the page, which has a host of its own: its links begin with the slash."""
    url = _web_url(value)
    if urlsplit(url).path:
        raise ValueError("https://HOST is accepted (http:// and a port too), without a path, or nothing")
    return url


def _header_name(value: Any) -> str:
    text = _text(value)
    if text and not _HEADER.fullmatch(text):
        raise ValueError("the name of a header is accepted, such as X-Forwarded-User, or nothing")
    return text


def _prefix(value: Any) -> str:
    text = _text(value)
    if text and not (text.isascii() and text.isdecimal() and len(text) <= PREFIX_MAX_DIGITS):
        raise ValueError(f"up to {PREFIX_MAX_DIGITS} digits are accepted, such as 0, or nothing")
    return text


def _profile(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", text, re.ASCII):
        raise ValueError("the name of a SIP profile is accepted, such as internal")
    return text


def _country(value: Any) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # takes as long as everything else here, and is hardly ever asked for

    text = _text(value).upper()
    if text not in SUPPORTED_REGIONS:
        raise ValueError("the two letters of a country are accepted, such as DE, AT or CH")
    return text


def _secret(value: Any) -> str:
    """Return a secret that a dialplan can set: ``set`` ends a value nowhere but at its end, and trims blanks."""
    text = _text(value)
    if text and not (len(text) >= SECRET_MIN_CHARS and text.isascii() and text.isalnum()):
        raise ValueError(f"{SECRET_MIN_CHARS} or more letters and digits (a-z, A-Z, 0-9) are accepted, or nothing")
    return text


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, in its final form."""

    listen: tuple[Address, ...] = _setting(
        (("127.0.0.1", 8084),), _addresses, "addresses on which FreeSWITCH reaches the service, separated by commas"
    )
    allowed_peers: tuple[str, ...] = _setting(
        LOOPBACK, _networks, "networks of the switches, separated by commas; whoever else connects is refused"
    )
    secret: str = _setting(
        "", _secret, "what the dialplan sets as huntgroup_secret; empty: not asked for", is_secret=True
    )
    workers: int = _setting(1, _number(int, 1, WORKERS_MAX), "processes that serve calls; one for each core is enough")
    database: str = _setting(
        "sqlite:///esl-huntgroup.db", _text, "URL of the database: sqlite:///FILE, postgresql://… or mariadb://…"
    )
    spool: str = _setting("esl-huntgroup.spool", _text, "directory through which the journal goes to the database")
    default_domain: str = _setting("", _domain, "SIP domain of numbers that come without one")
    hunt_modes: tuple[str, ...] = _setting(
        (HuntMode.DISABLED.value, HuntMode.SOFTPHONE.value),
        _some_of(*HuntMode),
        f"hunt modes that administrators may choose for groups, separated by commas: {', '.join(HuntMode)}",
    )
    max_calls: int = _setting(1000, _number(int, 1, 100_000), "group calls at one time; more go to the dialplan")
    leg_limit: int = _setting(LEG_LIMIT, _number(int, 1, LEG_LIMIT), "phones that one group call rings at most")
    reply_timeout_s: float = _setting(3.0, _number(float, 0.1, 20), "how long the switch may take to answer a command")
    lookup_timeout_s: float = _setting(2.0, _number(float, 0.1, 20), "how long the database may take to find a group")
    directory_max_age_s: float = _setting(1.0, _number(float, 0, 3600), "after what time a change of a group is seen")
    drain_timeout_s: float = _setting(
        30.0, _number(float, 0, 86_400), "how long a stopping service waits for its calls; the calls live on"
    )
    reload_drain_timeout_s: float = _setting(
        3600.0, _number(float, 0, 86_400), "how long a worker that a reload has replaced waits for its calls"
    )
    metrics_listen: Address | None = _setting(
        None, _optional_address, "address of /healthz, /readyz and /metrics, such as 127.0.0.1:9184; empty: none"
    )
    esl_address: tuple[Address, ...] = _setting(
        (),
        _optional_addresses,
        "event socket of each switch, HOST:PORT, with commas between: for second witness, `check`, `explain` and page",
    )
    esl_password: str = _setting("", _text, "password of these event sockets", is_secret=True)
    kamailio: tuple[KamailioAt, ...] = _setting(
        (),
        _kamailios,
        "where phones register at Kamailio: 'DOMAIN http://HOST:PORT/huntgroup SIP_HOST:PORT' for each domain, with "
        "commas between; * is every other domain; without the URL Kamailio is not asked, and rings a line as a whole",
    )
    kamailio_secret: str = _setting(
        "", _secret, "what the RPC endpoint of Kamailio wants as a bearer token; empty: nothing", is_secret=True
    )
    kamailio_profile: str = _setting("internal", _profile, "SIP profile by which FreeSWITCH reaches Kamailio")
    kamailio_timeout_s: float = _setting(
        0.3, _number(float, 0.01, 5), "how long a call waits for Kamailio before it rings lines as a whole"
    )
    kamailio_notices: tuple[Address, ...] = _setting(
        (),
        _optional_addresses,
        "where each Kamailio tells that a phone has registered (evapi), HOST:PORT, with commas between; empty: none",
    )
    kamailio_presence: tuple[PublishAt, ...] = _setting(
        (),
        _presence_servers,
        "where phones watch groups at Kamailio: 'DOMAIN SIP_HOST:PORT' for each domain, with commas between; * is "
        "every other domain; empty: nowhere",
    )
    web_listen: Address | None = _setting(
        None, _optional_address, "address of the members' page, such as 127.0.0.1:8090; empty: none"
    )
    web_url: str = _setting(
        "", _page_url, "address under which members open the page, such as https://calls.example.org; empty: web_listen"
    )
    web_trusted_proxies: tuple[str, ...] = _setting(
        (), _optional_networks, "networks of the proxies in front of the page, whose forwarded headers count"
    )
    web_user_header: str = _setting(
        "", _header_name, "header in which a trusted proxy names the user whom it has signed in; empty: none"
    )
    web_oidc_issuer: str = _setting(
        "", _web_url, "OpenID Connect: address of the provider that signs members in; empty: none"
    )
    web_oidc_client_id: str = _setting("", _text, "OpenID Connect: the client id that the page has there")
    web_oidc_client_secret: str = _setting(
        "", _text, "OpenID Connect: the secret that belongs to it; empty: a public client", is_secret=True
    )
    web_oidc_claim: str = _setting(
        "preferred_username", _text, "OpenID Connect: the claim that holds the name of the user"
    )
    web_session_days: float = _setting(
        30.0, _number(float, 0.01, 366), "after how many days without a visit the page asks to sign in again"
    )
    country: str = _setting(
        "DE", _country, "country whose numbers are dialled without a country code, by its two letters"
    )
    outside_prefix: str = _setting("", _prefix, "what members dial before a number outside, such as 0; empty: nothing")
    language: str = _setting("en", _one_of("en", "de"), "language of the journal: en or de")
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "what is logged: debug, info, warning or error"
    )
    log_format: str = _setting("text", _one_of("text", "json"), "how it is logged: text for people, or json")


FIELDS: Final = {field.name: field for field in dataclasses.fields(Settings)}


def load_settings(file: Path | None, environment: Mapping[str, str], options: Mapping[str, Any]) -> Settings:
    """
    Return the settings from all four sources.

    ``file`` None means the file named by ``ESL_HUNTGROUP_CONFIG``, else the default file if there is one. ``options``
    holds what was given on the command line; None values count as not given. Raises SettingsError with a line for
    everything that is wrong.
    """
    chosen = file or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    path = chosen or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    values: dict[str, Any] = {}
    refused: list[str] = []
    if path:
        _take(values, refused, _read_file(path))
    _take(values, refused, _read_environment(environment))
    _take(values, refused, _read_options(options))
    if refused:
        raise SettingsError("\n".join(refused))
    return Settings(**values)


Reading = Iterator[tuple[str, Callable[[], Any]]]
"""The name of each setting of a source, and what reads its value or raises SettingsError."""


def _read_file(path: Path) -> Reading:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        what_to_do = f": {who_may(path)}" if isinstance(error, PermissionError) else ""
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}{what_to_do}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"the settings file {path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file {path} is not TOML: {error}") from None
    for name, value in content.items():
        yield name, functools.partial(_read, name, value, f"{name} in {path}")


def _read_environment(environment: Mapping[str, str]) -> Reading:
    for key, value in environment.items():
        if key.startswith(PREFIX) and key != CONFIG_VARIABLE:
            name = key.removeprefix(PREFIX).lower()
            yield name, functools.partial(_read, name, value, key)


def _read_options(options: Mapping[str, Any]) -> Reading:
    for name, value in options.items():
        if value is not None:
            yield name, functools.partial(_read_option, name, value)


def _take(values: dict[str, Any], refused: list[str], reading: Reading) -> None:
    """Take the values of a source, and note everything that is wrong with it."""
    try:
        for name, read in reading:
            try:
                values[name] = read()
            except SettingsError as error:
                refused.append(str(error))
    except SettingsError as error:
        refused.append(str(error))


def _read_option(name: str, value: str) -> Any:
    option = "--" + name.replace("_", "-")
    if name == "database":
        refuse_password(value, option, f"in the settings file, or in {PREFIX}DATABASE")
    return _read(name, value, option)


def refuse_password(url: str, where: str, instead: str) -> None:
    """Raise SettingsError for a URL with a password in a command line; ``instead`` says where it may stand."""
    if safe_url(url) != url:
        raise SettingsError(
            f"{where}: {safe_url(url)!r} is refused, ps shows the password to everybody on this machine: "
            f"the URL without it is accepted, or the whole URL {instead}"
        )


def _read(name: str, value: Any, where: str) -> Any:
    if name not in FIELDS:
        raise SettingsError(f"{where}: there is no such setting; there are {', '.join(FIELDS)}")
    metadata = FIELDS[name].metadata
    try:
        return metadata["read"](value)
    except ValueError as error:
        harmless = _without_credentials(safe_url(value) if isinstance(value, str) else value)
        shown = "" if metadata["is_secret"] else f"{harmless!r} is refused, "
        raise SettingsError(f"{where}: {shown}{error}") from None


def _without_credentials(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_credentials(item) for item in value]
    return _CREDENTIALS.sub("***@", value) if isinstance(value, str) else value
