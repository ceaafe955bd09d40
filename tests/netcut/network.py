"""
Two hosts and a router between them, as network namespaces; the router drops everything while the network is cut.

Nothing is closed, refused or reported then: no RST, no ICMP, and both hosts still know their router's hardware address.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence

PREFIX = "hg-net"
SWITCH, ROUTER, SERVICE = "switch", "router", "service"
SWITCH_ADDRESS, SERVICE_ADDRESS = "10.77.1.2", "10.77.2.2"
_GATEWAYS = {SWITCH_ADDRESS: "10.77.1.1", SERVICE_ADDRESS: "10.77.2.1"}


def why_not() -> str:
    """Return why no such network can be made here, empty if one can."""
    if not shutil.which("ip"):
        return "not installed: ip (Debian: iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Network(f"probe{os.getpid()}"):
            return ""
    except subprocess.CalledProcessError as error:
        return f"this machine refuses network namespaces: {error.stderr.strip()}"


class Network:
    """A context manager; ``tag`` tells networks of one machine apart."""

    def __init__(self, tag: str = "") -> None:
        """Make nothing yet."""
        self._tag = tag or str(os.getpid())

    def inside(self, host: str) -> list[str]:
        """Return the words before a command that is to run on that host."""
        return ["ip", "netns", "exec", self._name(host)]

    def run(self, host: str, *words: str) -> str:
        """Run a command on a host to its end; return its output. Raises CalledProcessError."""
        return _run(*self.inside(host), *words)

    def sysctl(self, host: str, values: Sequence[str]) -> None:
        """Set kernel parameters of one host, ``net.ipv4.tcp_retries2=8`` say."""
        for value in values:
            self.run(host, "sysctl", "-q", "-w", value)

    def cut(self) -> None:
        """Drop every packet between the hosts from now on."""
        self.sysctl(ROUTER, ["net.ipv4.ip_forward=0"])

    def mend(self) -> None:
        """Let packets through again."""
        self.sysctl(ROUTER, ["net.ipv4.ip_forward=1"])

    def __enter__(self) -> Network:
        """Make the hosts. Raises CalledProcessError."""
        try:
            for host in (SWITCH, ROUTER, SERVICE):
                _run("ip", "netns", "add", self._name(host))
                self.run(host, "ip", "link", "set", "lo", "up")
            for host, address in ((SWITCH, SWITCH_ADDRESS), (SERVICE, SERVICE_ADDRESS)):
                self._connect(host, address, _GATEWAYS[address])
            self.mend()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the hosts; what runs on them has to be ended before."""
        self._remove()

    def _connect(self, host: str, address: str, gateway: str) -> None:
        ends = ("eth0", "netns", self._name(host), "type", "veth", "peer", "name", host, "netns", self._name(ROUTER))
        _run("ip", "link", "add", *ends)
        for where, device, its_address in ((host, "eth0", address), (ROUTER, host, gateway)):
            self.run(where, "ip", "address", "add", f"{its_address}/24", "dev", device)
            self.run(where, "ip", "link", "set", device, "up")
        self.run(host, "ip", "route", "add", "default", "via", gateway)

    def _remove(self) -> None:
        for host in (SWITCH, ROUTER, SERVICE):
            with contextlib.suppress(subprocess.CalledProcessError):
                _run("ip", "netns", "delete", self._name(host))

    def _name(self, host: str) -> str:
        return f"{PREFIX}-{self._tag}-{host}"


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
