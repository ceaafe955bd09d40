"""Kamailio's hash of an address of record. The values are those of a running Kamailio (``HashID`` of ``ul.dump``)."""

from __future__ import annotations

import pytest

from esl_huntgroup.registrars.gruu import gruu, hash_suffix, is_gruu


@pytest.mark.parametrize(
    ("aor", "suffix"),
    [
        ("1001@lab.local", "cc0353ba"),
        ("1001", "c12de173"),
        ("1004@lab.local", f"{2872389831:x}"[::-1]),
        ("a@lab.local", "24d756cd"),
        ("ab@lab.local", "980153d3"),
        ("abc@lab.local", "41ab5213"),
        ("anna.berg@lab.local", "0c9e6837"),
        ("x-y_z+1@tenant2.local", "372452d2"),
    ],
)
def test_the_hash_is_that_of_kamailio(aor: str, suffix: str) -> None:
    assert hash_suffix(aor) == suffix


def test_a_device_is_named_by_record_id_and_hash() -> None:
    made = gruu("uloc-6b076cc6-678b-1", "1001@lab.local", "lab.local")
    assert made == "sip:uloc-6b076cc6-678b-1-cc0353ba@lab.local;gr"
    assert is_gruu(made)


@pytest.mark.parametrize(
    "text", ["sip:1001@lab.local", "sip:uloc-1-cc@lab.local;gr,x", "sip:uloc-1-cc@lab.local;gr\n", ""]
)
def test_nothing_else_is_one(text: str) -> None:
    assert not is_gruu(text)
