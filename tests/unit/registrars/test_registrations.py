"""What the switch says of registrations, which a phone may have filled with anything but a line break."""

from __future__ import annotations

import pytest

from esl_huntgroup.registrars.registrations import Registration, profile_of, question, read_registrations

ANSWER = """<?xml version="1.0" encoding="ISO-8859-1"?>
<profile>
  <registrations>
    <registration>
        <call-id>a&b<contact>sip:evil@h</contact></call-id>
        <user>1001@lab.local</user>
        <contact>&quot;Anna &gt; Berg&quot; &lt;sip:1001@127.0.0.1:5071;fs_nat=yes&gt;</contact>
        <agent>Phone &amp; Co</agent>
        <status>Registered(UDP)(unknown) exp(2026-11-22 22:00:00) expsecs(3584)</status>
        <ping-status>Reachable</ping-status>
    </registration>
    <registration>
        <contact>sips:1001@[::1]</contact>
        <status>Registered(TLS)(unknown) exp(2026-11-22 22:00:00) expsecs(-3)</status>
    </registration>
    <registration>
        <contact> &lt;sip:1001@h&gt;</contact>
        <status>Registered</status>
    </registration>
  </registrations>
</profile>
"""


def test_each_registration_has_its_expiry_under_the_contact_that_is_dialled() -> None:
    assert read_registrations(ANSWER, "internal") == (
        Registration("sofia/internal/sip:1001@127.0.0.1:5071;fs_nat=yes", 3584, "Phone & Co"),
        Registration("sofia/internal/sip:1001@[::1]", -3, ""),
        Registration("sofia/internal/sip:1001@h", None, ""),
    )


@pytest.mark.parametrize("answer", ["Invalid Profile!\n", "-ERR no such command", ""])
def test_no_such_profile_is_no_registration(answer: str) -> None:
    assert read_registrations(answer, "internal") == ()


def test_the_profile_is_asked_for_by_name() -> None:
    assert profile_of("sofia/internal-ipv6/sip:1@h") == "internal-ipv6"
    assert profile_of("sofia/${x}/sip:1@h") == ""
    assert question("internal", "1001") == "sofia xmlstatus profile internal user 1001@"
