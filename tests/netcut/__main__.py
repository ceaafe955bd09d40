"""
``python -m tests.netcut [--cut 180] [--calls-per-s 20] [--fast] [--near] [--sysctl net.ipv4.tcp_retries2=8]``.

Makes two hosts and a router of network namespaces: on one a FreeSWITCH with phones and callers, on the other the
service. The router drops every packet for a while, under load, and everything is measured. Needs root, ip, FreeSWITCH
(PATH, or HUNTGROUP_FREESWITCH) and SIPp.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e import freeswitch, sipp
from tests.netcut.experiment import Experiment, Plan, tell
from tests.netcut.network import SWITCH, Network, why_not


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.netcut", description=__doc__)
    parser.add_argument("--cut", type=int, default=180, help="seconds without a network")
    parser.add_argument("--calls-per-s", type=int, default=20)
    parser.add_argument("--fast", action="store_true", help="the dialplan's fast variant")
    parser.add_argument("--near", action="store_true", help="calls are served by a service on the switch's own host")
    parser.add_argument("--control", action="store_true", help="the same load, and nothing is cut")
    parser.add_argument("--sysctl", action="append", default=[], help="a kernel parameter of the switch's host")
    parser.add_argument("--every", type=int, default=15, help="show every so many samples")
    parser.add_argument("--keep", type=Path, help="a folder for all logs")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return run(options)
    if why := missing():
        print(why)
        return 0
    with Network() as network:
        network.sysctl(SWITCH, options.sysctl)
        command = [*network.inside(SWITCH), sys.executable, "-m", "tests.netcut", *sys.argv[1:]]
        return subprocess.run([*command, "--inside", str(os.getpid())], check=False).returncode


def missing() -> str:
    """Return what stands in the way, empty if nothing does."""
    if not freeswitch.BINARY:
        return "not installed: freeswitch (in PATH, or HUNTGROUP_FREESWITCH=/path/to/freeswitch)"
    if not sipp.SIPP:
        return "not installed: sipp (Debian: sip-tester)"
    return why_not()


def run(options: argparse.Namespace) -> int:
    """Run on the host of the switch, and print the report."""
    with tempfile.TemporaryDirectory(prefix="huntgroup-netcut-") as folder:
        root = options.keep or Path(folder)
        plan = Plan(root, options.calls_per_s, options.cut, options.fast, options.near, options.control)
        with Experiment(Network(options.inside), plan) as experiment:
            finding = experiment.run()
    for line in tell(finding, options.every):
        print(line, flush=True)
    return 1 if finding.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
