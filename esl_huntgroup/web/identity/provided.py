"""PURE: what a sign-in by a provider of OpenID Connect consists of, for those who need no client of one."""

from __future__ import annotations

from dataclasses import dataclass


class ProviderError(Exception):
    """The provider does not answer, or not as OpenID Connect has it. Says why, for the log."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is remembered of a sign-in until the provider answers."""

    state: str
    nonce: str
    verifier: str
