"""Settings: four sources, one declaration, a sentence for everything that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esl_huntgroup.errors import SettingsError
from esl_huntgroup.processes.messages import decode, encode
from esl_huntgroup.settings import FIELDS, Settings, load_settings


def settings(tmp_path: Path, toml: str = "", environment: dict[str, str] | None = None, **options: Any) -> Settings:
    file = tmp_path / "s.toml"
    file.write_text(toml)
    return load_settings(file, environment or {}, options)


def test_without_anything_the_defaults_count(tmp_path: Path) -> None:
    assert settings(tmp_path) == Settings()
    assert Settings().listen == (("127.0.0.1", 8084),)


def test_the_later_source_counts(tmp_path: Path) -> None:
    toml = "max_calls = 1\nleg_limit = 2\nlanguage = 'de'"
    environment = {"ESL_HUNTGROUP_MAX_CALLS": "10", "ESL_HUNTGROUP_LEG_LIMIT": "20"}
    found = settings(tmp_path, toml, environment, max_calls="100", leg_limit=None)
    assert (found.max_calls, found.leg_limit, found.language) == (100, 20, "de")


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("max_calls = 7")
    assert load_settings(None, {"ESL_HUNTGROUP_CONFIG": str(tmp_path / "x.toml")}, {}).max_calls == 7


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("127.0.0.1:8084", (("127.0.0.1", 8084),)),
        ("127.0.0.1:8084, [::1]:9", (("127.0.0.1", 8084), ("::1", 9))),
        ("host.example:0", (("host.example", 0),)),
    ],
)
def test_addresses(tmp_path: Path, text: str, addresses: tuple[tuple[str, int], ...]) -> None:
    assert settings(tmp_path, listen=text).listen == addresses
    assert settings(tmp_path, f"listen = {text.split(', ')}").listen == addresses


@pytest.mark.parametrize("text", ["voice_services, softphone", "softphone,voice_services"])
def test_hunt_modes_are_a_list_or_a_text_with_commas(tmp_path: Path, text: str) -> None:
    assert settings(tmp_path, hunt_modes=text).hunt_modes == ("softphone", "voice_services")
    assert settings(tmp_path, f"hunt_modes = {text.replace(' ', '').split(',')}").hunt_modes == (
        "softphone",
        "voice_services",
    )


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("max_call = 1", "max_call in {file}: there is no such setting; there are listen, allowed_peers"),
        ("max_calls = 0", "max_calls in {file}: 0 is refused, a whole number from 1 to 100000 is accepted"),
        ("max_calls = 1.5", "max_calls in {file}: 1.5 is refused, a whole number from 1 to 100000 is accepted"),
        ("max_calls = inf", "max_calls in {file}: inf is refused, a whole number from 1 to 100000 is accepted"),
        (
            f"max_calls = 1{'0' * 400}",
            f"max_calls in {{file}}: 1{'0' * 400} is refused, a whole number from 1 to 100000 is accepted",
        ),
        ("max_calls = true", "max_calls in {file}: True is refused, a whole number from 1 to 100000 is accepted"),
        ("max_calls = 'x'", "max_calls in {file}: 'x' is refused, a whole number from 1 to 100000 is accepted"),
        ("drain_timeout_s = nan", "drain_timeout_s in {file}: nan is refused, a number from 0 to 86400 is accepted"),
        ("leg_limit = 128", "leg_limit in {file}: 128 is refused, a whole number from 1 to 127 is accepted"),
        ("language = 'fr'", "language in {file}: 'fr' is refused, en or de is accepted"),
        (
            "web_url = 'https://a.example/calls'",
            "web_url in {file}: 'https://a.example/calls' is refused, "
            "https://HOST is accepted (http:// and a port too), without a path, or nothing",
        ),
        (
            "web_url = 'calls.example'",
            "web_url in {file}: 'calls.example' is refused, "
            "https://HOST or https://HOST/PATH is accepted (http:// too), or nothing",
        ),
        (
            "country = 'XX'",
            "country in {file}: 'XX' is refused, the two letters of a country are accepted, such as DE, AT or CH",
        ),
        (
            "web_user_header = 'a b'",
            "web_user_header in {file}: 'a b' is refused, the name of a header is accepted, such as X-Forwarded-User, "
            "or nothing",
        ),
        ("workers = 65", "workers in {file}: 65 is refused, a whole number from 1 to 64 is accepted"),
        ("log_format = 'xml'", "log_format in {file}: 'xml' is refused, text or json is accepted"),
        (
            "allowed_peers = '10.0.0.1/8'",
            "allowed_peers in {file}: '10.0.0.1/8' is refused, networks are accepted, such as 127.0.0.0/8, 10.1.2.3 or "
            "fd00::/64",
        ),
        ("allowed_peers = ''", "allowed_peers in {file}: '' is refused, networks are accepted, such as"),
        ("allowed_peers = ['pbx']", "allowed_peers in {file}: ['pbx'] is refused, networks are accepted, such as"),
        ("metrics_listen = '9184'", "metrics_listen in {file}: '9184' is refused, '9184' is not an address"),
        (
            "secret = 'geheim!'",
            "secret in {file}: 16 or more letters and digits (a-z, A-Z, 0-9) are accepted, or nothing",
        ),
        (
            "hunt_modes = ['softphone', 'x']",
            "hunt_modes in {file}: ['softphone', 'x'] is refused, "
            "a list of disabled, softphone, voice_services is accepted",
        ),
        ("log_level = 1", "log_level in {file}: 1 is refused, debug, info, warning or error is accepted"),
        (
            "listen = '8084'",
            "listen in {file}: '8084' is refused, '8084' is not an address: HOST:PORT is accepted, [::1]:8084 for IPv6",
        ),
        (
            "listen = 'h:99999'",
            "listen in {file}: 'h:99999' is refused, 'h:99999' is not an address: HOST:PORT is accepted, "
            "[::1]:8084 for IPv6",
        ),
        (
            "default_domain = 'a b'",
            "default_domain in {file}: 'a b' is refused, 'a b' is not a domain: a host name, an IPv4 address or an "
            "IPv6 address in brackets is accepted",
        ),
        ("esl_password = 3", "esl_password in {file}: a line of text is accepted"),
        (
            "kamailio = ['a.example http://u:geheim@h:1/x h:5060']",
            "kamailio in {file}: ['a.example http://***@h:1/x h:5060'] is refused, an address with credentials is "
            "not accepted: the secret belongs into kamailio_secret",
        ),
        (
            "kamailio = 'a.example u:geheim@h:5060'",
            "kamailio in {file}: 'a.example ***@h:5060' is refused, an address with credentials is not accepted: the "
            "secret belongs into kamailio_secret",
        ),
        (
            "kamailio = 'a.example http://u:geheim@h:1/x,b.example h:5060'",
            "kamailio in {file}: 'a.example http://***@h:1/x,b.example h:5060' is refused, an address with credentials "
            "is not accepted: the secret belongs into kamailio_secret",
        ),
        (
            "kamailio = 'a.example http://h/x h:5060'",
            "kamailio in {file}: 'a.example http://h/x h:5060' is refused, 'http://h/x' is no address of the RPC: "
            "http://HOST:PORT/PATH is accepted, without TLS",
        ),
        (
            "kamailio = 'a.example http://h:70000/x h:5060'",
            "kamailio in {file}: 'a.example http://h:70000/x h:5060' is refused, 'http://h:70000/x' is no address of "
            "the RPC: http://HOST:PORT/PATH is accepted, without TLS",
        ),
        (
            "kamailio = 'a.example http://h:1/x sip:h:5060'",
            "kamailio in {file}: 'a.example http://h:1/x sip:h:5060' is refused, 'sip:h:5060' is no SIP address: "
            "HOST:PORT is accepted, with ;transport=tcp or tls behind it",
        ),
        (
            "kamailio = 'a.example h:5060;transport=ws'",
            "kamailio in {file}: 'a.example h:5060;transport=ws' is refused, 'h:5060;transport=ws' is no SIP address: ",
        ),
        (
            "kamailio = '*.example h:5060'",
            "kamailio in {file}: '*.example h:5060' is refused, '*.example' is not a domain: ",
        ),
        (
            "kamailio = ['* h:5060', '* h:5070']",
            "kamailio in {file}: ['* h:5060', '* h:5070'] is refused, the domain * is there twice, and has one ",
        ),
        ("kamailio = 5", "kamailio in {file}: 5 is refused, 'DOMAIN http://HOST:PORT/PATH SIP_HOST:PORT' is accepted"),
        ("kamailio_secret = 'geheim'", "kamailio_secret in {file}: 16 or more letters and digits"),
        ("kamailio_timeout_s = 60", "kamailio_timeout_s in {file}: 60 is refused, "),
        (
            "kamailio = 'a.example https://h:1/x h:5060'",
            "kamailio in {file}: 'a.example https://h:1/x h:5060' is refused, 'https://h:1/x' is no address of the "
            "RPC: http://HOST:PORT/PATH is accepted, without TLS",
        ),
        (
            "kamailio = 'a.example h:5060;lr,b.example'",
            "kamailio in {file}: 'a.example h:5060;lr,b.example' is refused, 'h:5060;lr' is no SIP address: HOST:PORT "
            "is accepted, with ;transport=tcp or tls behind it",
        ),
        (
            "kamailio = 'a.example h:5060,A.example h:5070'",
            "kamailio in {file}: 'a.example h:5060,A.example h:5070' is refused, the domain a.example is there "
            "twice, and has one registrar",
        ),
        (
            "kamailio = 'a.example'",
            "kamailio in {file}: 'a.example' is refused, 'DOMAIN http://HOST:PORT/PATH SIP_HOST:PORT' is accepted, or "
            "'DOMAIN SIP_HOST:PORT' without look-ups",
        ),
        (
            "kamailio_presence = 'a.example http://h:1/x h:5060'",
            "kamailio_presence in {file}: 'a.example http://h:1/x h:5060' is refused, 'DOMAIN SIP_HOST:PORT' is "
            "accepted, where PUBLISH is taken by UDP",
        ),
        (
            "kamailio_presence = ['a.example h:5060', 'A.example h:5070']",
            "kamailio_presence in {file}: ['a.example h:5060', 'A.example h:5070'] is refused, the domain a.example is "
            "there twice, and is published at one server",
        ),
        (
            "kamailio_profile = 'a/b'",
            "kamailio_profile in {file}: 'a/b' is refused, the name of a SIP profile is accepted",
        ),
        ("database = [1]", "database in {file}: [1] is refused, a line of text is accepted"),
        ("= 3", "the settings file {file} is not TOML: Invalid statement (at line 1, column 1)"),
    ],
)
def test_what_is_refused_and_what_would_be_accepted(tmp_path: Path, toml: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, toml)
    assert str(refused.value).startswith(sentence.format(file=tmp_path / "s.toml"))
    assert "geheim" not in str(refused.value)


def test_credentials_of_kamailio_in_a_command_line_are_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, "", kamailio="a.example http://u:geheim@h:1/x h:5060")
    assert str(refused.value) == (
        "--kamailio: 'a.example http://***@h:1/x h:5060' is refused, an address with credentials is not accepted: the "
        "secret belongs into kamailio_secret"
    )


def test_every_mistake_is_told_at_once_each_on_a_line_of_its_own(tmp_path: Path) -> None:
    toml = "max_calls = 0\nlanguage = 'fr'\nmax_call = 1\nleg_limit = 5"
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, toml, {"ESL_HUNTGROUP_WORKERS": "0", "ESL_HUNTGROUP_SECRET": "short"}, log_format="xml")
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *(f"{name} in {tmp_path / 's.toml'}" for name in ("max_calls", "language", "max_call")),
        *("ESL_HUNTGROUP_WORKERS", "ESL_HUNTGROUP_SECRET", "--log-format"),
    ]
    assert "short" not in str(refused.value)


def test_a_file_that_cannot_be_read_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path / "no", {"ESL_HUNTGROUP_WORKERS": "0"}, {"language": "fr"})
    file, variable, option = str(refused.value).splitlines()
    assert file.endswith("cannot be read: No such file or directory")
    assert variable.startswith("ESL_HUNTGROUP_WORKERS: ")
    assert option.startswith("--language: ")


def test_networks_in_normal_form(tmp_path: Path) -> None:
    assert settings(tmp_path, allowed_peers="10.1.2.3, FD00::/64").allowed_peers == ("10.1.2.3/32", "fd00::/64")
    assert settings(tmp_path, "allowed_peers = ['0.0.0.0/0']").allowed_peers == ("0.0.0.0/0",)


def test_an_unknown_variable_of_ours_in_the_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ESL_HUNTGROUP_MAX_CALL: there is no such setting"):
        settings(tmp_path, environment={"ESL_HUNTGROUP_MAX_CALL": "1", "PATH": "/bin"})


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_settings(tmp_path / "no", {}, {})
    (tmp_path / "bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        load_settings(tmp_path / "bin", {}, {})


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, environment={"ESL_HUNTGROUP_ESL_PASSWORD": "s3cret\n"})
    assert "s3cret" not in str(refused.value)


def test_every_setting_says_what_it_is() -> None:
    assert all(field.metadata["sentence"] for field in FIELDS.values())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:geheim@h/db", "postgresql://u:***@h/db"),
        ("postgresql://:geheim@h/db", "postgresql://:***@h/db"),
        ("mariadb://u:ge%40heim@h:3306/db", "mariadb://u:***@h:3306/db"),
        ("mysql://u:ge@heim/@h/db", "mysql://u:***@h/db"),
        ("postgresql://u@h/db?password=geheim", "postgresql://u@h/db?password=***"),
    ],
)
def test_a_password_in_a_command_line_is_refused_and_not_repeated(tmp_path: Path, url: str, shown: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, database=url)
    assert str(refused.value) == (
        f"--database: {shown!r} is refused, ps shows the password to everybody on this machine: the URL without it is "
        "accepted, or the whole URL in the settings file, or in ESL_HUNTGROUP_DATABASE"
    )
    assert settings(tmp_path, f"database = '{url}'").database == url
    assert settings(tmp_path, environment={"ESL_HUNTGROUP_DATABASE": url}).database == url


@pytest.mark.parametrize("url", ["sqlite:///a:b@c.db", "postgresql://u@h:5432/db", "postgresql:///db?host=/run"])
def test_a_url_without_a_password_may_stand_in_a_command_line(tmp_path: Path, url: str) -> None:
    assert settings(tmp_path, database=url).database == url


def test_a_database_url_that_is_refused_hides_its_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, environment={"ESL_HUNTGROUP_DATABASE": "postgresql://u:geheim@h/db\n"})
    assert "geheim" not in str(refused.value)
    assert "a line of text is accepted" in str(refused.value)


def test_a_domain_has_its_kamailio_in_a_file_a_variable_and_an_option(tmp_path: Path) -> None:
    entries = ["A.example http://10.0.0.1:8460/huntgroup 10.0.0.1:5060", "* 10.0.0.2:5060;transport=tcp"]
    expected = (
        ("a.example", ("10.0.0.1", 8460, "/huntgroup"), "10.0.0.1:5060"),
        ("*", None, "10.0.0.2:5060;transport=tcp"),
    )
    assert settings(tmp_path, f"kamailio = {entries}").kamailio == expected
    assert settings(tmp_path, "", {"ESL_HUNTGROUP_KAMAILIO": ", ".join(entries)}).kamailio == expected
    assert settings(tmp_path, "", kamailio=",".join(entries)).kamailio == expected
    assert settings(tmp_path, "kamailio = ''").kamailio == ()


def test_the_lamps_of_a_domain_are_published_at_one_server(tmp_path: Path) -> None:
    expected = (("a.example", "10.0.0.1", 5060), ("*", "fd00::1", 5070))
    assert settings(tmp_path, "kamailio_presence = ['A.example 10.0.0.1:5060', '* [fd00::1]:5070']") == Settings(
        kamailio_presence=expected  # type: ignore[arg-type]
    )
    assert settings(tmp_path, "", kamailio_presence="A.example 10.0.0.1:5060,* [fd00::1]:5070").kamailio_presence == (
        expected
    )
    assert settings(tmp_path, "kamailio_presence = ''").kamailio_presence == ()


def test_the_workers_are_told_of_kamailio_as_it_is_set(tmp_path: Path) -> None:
    found = settings(tmp_path, "kamailio = ['a.example http://10.0.0.1:8460/x 10.0.0.1:5060', 'b.example h:5060']")
    assert decode(encode(found), Settings).kamailio == found.kamailio
