"""Groups of several domains on one switch: the dialplan as the README has it for them, and the mistake it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from . import sip, sipp
from .freeswitch import PASSWORD, FreeSwitch
from .lab import ENDED_WITHIN_S
from .service import Service
from .sipp import Endpoint

DOMAINS_FILE = Path(__file__).parent / "domains.yaml"
FIRST, SECOND = "a.example", "b.example"
SEVERAL_DOMAINS = tuple(
    (f'"^^;huntgroup_domain=$${{huntgroup_domain}};{then}', f'"^^;huntgroup_domain=${{sip_req_host}};{then}')
    for then in ("huntgroup_fallback=", "huntgroup_pickup=")
)
"""What README.md says to write in the two multiset lines."""
AT_THE_TOP, WRONG = '"huntgroup_domain=$${domain}"', '"huntgroup_domain=${sip_req_host}"'
"""What README.md says not to write."""


class SwitchOfTenants(FreeSwitch):
    """A switch at which phones register with the domain they name; ``edits`` are made in the shipped dialplan."""

    def __init__(self, folder: Path, port: int, *edits: tuple[str, str], is_fast: bool = False) -> None:
        self._edits = edits
        self.service_port = port
        super().__init__(folder, port, is_fast=is_fast)

    def _write_configuration(self) -> None:
        super()._write_configuration()
        conf = self.folder / "conf"
        configuration = conf / "freeswitch.xml"
        lines = configuration.read_text(encoding="utf-8").splitlines()
        configuration.write_text("\n".join(line for line in lines if "force-register" not in line), encoding="utf-8")
        for dialplan in (conf / "dialplan").glob("*.xml"):
            text = dialplan.read_text(encoding="utf-8")
            for old, new in self._edits:
                assert text.count(old) == 1
                text = text.replace(old, new)
            dialplan.write_text(text, encoding="utf-8")


class Tenants:
    """A switch with its service, and one phone in each domain, which answers."""

    def __init__(self, folder: Path, switch: FreeSwitch, service: Service) -> None:
        self.switch, self.service = switch, service
        self._folder = folder
        self._endpoints: list[Endpoint] = []
        self.phones = {domain: self._phone(domain) for domain in (FIRST, SECOND)}

    def call(self, domain: str, number: str) -> Endpoint:
        """Call 700 of a domain."""
        scenario = sipp.calls("700", number, domain=domain, asks=domain, talk_ms=200)
        return self._endpoint(f"caller-{number}", scenario, self.switch.address)

    def check(self, status: int = 0) -> list[str]:
        """Return the lines in which `check` finds something to do; it ends with this status."""
        settings = {
            "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{self.switch.esl_port}",
            "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
        }
        done = self.service.run("check", settings=settings, status=status)
        return [line for line in done.splitlines() if line.startswith("FIX")]

    def close(self) -> None:
        """End the phones and callers."""
        for endpoint in self._endpoints:
            endpoint.stop()

    def _phone(self, domain: str) -> Endpoint:
        phone = self._endpoint(f"phone-{domain}", sipp.answers(after_ms=300))
        sip.register(self.switch.address, "1001", domain, f"<sip:1001@127.0.0.1:{phone.port}>")
        return phone

    def _endpoint(self, name: str, scenario: str, remote: tuple[str, int] | None = None) -> Endpoint:
        endpoint = Endpoint(self._folder, name, scenario, remote)
        self._endpoints.append(endpoint)
        return endpoint


Started = Callable[..., AbstractContextManager[Tenants]]


@pytest.fixture
def started(tmp_path: Path) -> Started:
    """Give what starts a switch with an edited dialplan, and the service that it leads to."""
    service = Service(tmp_path / "service")
    service.folder.mkdir()
    service.load(DOMAINS_FILE)

    @contextmanager
    def start(*edits: tuple[str, str], is_fast: bool = False) -> Iterator[Tenants]:
        switch = SwitchOfTenants(tmp_path / "switch", service.port, *edits, is_fast=is_fast)
        switch.start()
        try:
            service.witness(switch.esl_port)
            service.start()
            with closing(Tenants(tmp_path, switch, service)) as tenants:
                yield tenants
        finally:
            service.stop()
            switch.stop()

    return start


@pytest.mark.parametrize("is_fast", [False, True], ids=["async", "fast"])
def test_the_same_number_rings_the_group_of_the_domain_that_was_dialled(started: Started, is_fast: bool) -> None:
    with started(*SEVERAL_DOMAINS, is_fast=is_fast) as tenants:
        for domain, number in ((FIRST, "3901"), (SECOND, "3902")):
            assert tenants.call(domain, number).wait_ended() == 200
        tenants.switch.wait_without_channels(ENDED_WITHIN_S)
        assert [len(phone.received("INVITE")) for phone in tenants.phones.values()] == [1, 1]
        called = {phone.wait_invited().header("Diversion").partition(";")[0] for phone in tenants.phones.values()}
        assert called == {f'"Vertrieb {tenant}" <sip:700@{tenant.lower()}.example>' for tenant in "AB"}
        assert tenants.check() == []


def test_a_channel_variable_at_the_top_of_the_dialplan_is_found_by_check_which_says_where_it_belongs(
    started: Started,
) -> None:
    with started((AT_THE_TOP, WRONG)) as tenants:
        assert tenants.call(FIRST, "3903").wait_ended() == 404
        (line,) = tenants.check(status=1)
    assert line == (
        "FIX dialplan: extension 'huntgroup' in context lab asks for groups of %{sip_req_host}, which is text and no "
        "variable, so every call ends as unknown_number: FreeSWITCH keeps no ${ in what X-PRE-PROCESS sets; set "
        "huntgroup_domain there to one domain, and write ${sip_req_host} in the multiset line instead"
    )
