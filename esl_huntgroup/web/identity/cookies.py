"""The cookies of the page. No script can read them; over TLS they go no other way and belong to this host alone."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.wrappers import Response

_SECURE_PREFIX = "__Host-"
_LONG_S = 400 * 86_400


@dataclass(frozen=True, slots=True)
class Cookies:
    """What our cookies are called, and how they are set."""

    is_secure: bool

    @property
    def session(self) -> str:
        """Return the name of the cookie with the secret of a session."""
        return self._name("huntgroup-session")

    @property
    def form(self) -> str:
        """Return the name of the cookie to which forms are bound in a browser without a session."""
        return self._name("huntgroup-form")

    def set_session(self, response: Response, secret: str, days: float) -> None:
        """Give the browser its session. It forgets it after so many days; each request that is seen begins anew."""
        self._set(response, self.session, secret, max_age=round(days * 86_400))

    def set_form(self, response: Response, secret: str) -> None:
        """Give the browser what its forms are bound to, until it is closed."""
        self._set(response, self.form, secret)

    def forget_session(self, response: Response) -> None:
        """Take the session from the browser."""
        self._set(response, self.session, "", max_age=0)

    @property
    def language(self) -> str:
        """Return the name of the cookie with the language of somebody who is not signed in."""
        return self._name("huntgroup-language")

    def set_language(self, response: Response, language: str) -> None:
        """Have the browser remember the language, for as long as browsers remember."""
        self._set(response, self.language, language, max_age=_LONG_S)

    def _name(self, name: str) -> str:
        return _SECURE_PREFIX + name if self.is_secure else name

    def _set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self.is_secure, httponly=True, samesite="Lax"
        )
