"""
A provider of OpenID Connect that signs people in: code flow with PKCE, by Authlib; the ID token by joserfc.

What the provider says of itself, and its keys, are fetched when they are needed and kept for an hour. Keys are fetched
again when a token is signed with one that is not known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from esl_huntgroup.web.identity.provided import ProviderError, SignIn

TIMEOUT_S: Final = 5.0
KEPT_S: Final = 3600.0
KEYS_AGAIN_S: Final = 30.0
"""So often keys are fetched again at most, whatever tokens say."""
SILENT_S: Final = 5.0
"""So long a provider that did not answer is not asked again: each question may hold a thread for as long."""
LEEWAY_S: Final = 60
"""How far the clocks may be apart."""
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures with a key that only the provider has; never ``none``, never the client's own secret."""
SCOPE: Final = "openid profile email"


class Provider:
    """One provider, as a client that is registered there."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the provider's address, and what was registered there. Asks nothing yet."""
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._silent_until = 0.0

    def address(self, started: SignIn) -> str:
        """Return where the browser goes to sign in. Raises ProviderError."""
        with self._session() as session:
            url, _state = session.create_authorization_url(
                self._endpoint("authorization_endpoint"),
                state=started.state,
                nonce=started.nonce,
                code_verifier=started.verifier,
            )
        return str(url)

    def claims(self, code: str, started: SignIn) -> Mapping[str, Any]:
        """Return what the provider says of who has signed in, for the code in its answer. Raises ProviderError."""
        with self._session() as session:
            try:
                token = session.fetch_token(
                    self._endpoint("token_endpoint"),
                    code=code,
                    code_verifier=started.verifier,
                    grant_type="authorization_code",
                    timeout=TIMEOUT_S,
                )
            except (requests.RequestException, AuthlibBaseError, ValueError) as error:
                raise ProviderError(f"the code was not taken: {error}") from error
        said = self._verified(token.get("id_token"), started.nonce)
        return {**self._user_info(token.get("access_token"), said), **said}

    def check_issuer(self, given: str | None) -> None:
        """Raise ProviderError where an answer says that it is somebody else's (RFC 9207)."""
        if given is not None and given != self._described()["issuer"]:
            raise ProviderError(f"the answer is from {given!r}")

    # -- what the provider is -----------------------------------------------------------------------------------------

    def _described(self) -> Mapping[str, Any]:
        """Return the provider's metadata. Raises ProviderError."""
        with self._lock:
            if self._metadata is not None and self._clock() - self._metadata[0] < KEPT_S:
                return self._metadata[1]
        found = self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self._issuer.rstrip("/"):
            raise ProviderError(f"{self._issuer} says that it is {found.get('issuer')!r}")
        with self._lock:
            self._metadata = self._clock(), found
        return found

    def _endpoint(self, name: str) -> str:
        url = self._described().get(name)
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise ProviderError(f"{self._issuer} names no {name}")
        return url

    def _key_set(self, *, again: bool = False) -> KeySet:
        """Return the keys of the provider; ``again`` if one is missing. Raises ProviderError."""
        with self._lock:
            if self._keys is not None and self._clock() - self._keys[0] < (KEYS_AGAIN_S if again else KEPT_S):
                return self._keys[1]
        try:
            found = KeySet.import_key_set(self._get(self._endpoint("jwks_uri")))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"its keys cannot be read: {error}") from error
        with self._lock:
            self._keys = self._clock(), found
        return found

    def _get(self, url: str, **headers: str) -> dict[str, Any]:
        with self._lock:
            if self._clock() < self._silent_until:
                raise ProviderError(f"{self._issuer} did not answer a moment ago")
        try:
            response = requests.get(url, timeout=TIMEOUT_S, headers={"Accept": "application/json", **headers})
            response.raise_for_status()
            found = response.json()
        except (requests.RequestException, ValueError) as error:
            with self._lock:
                self._silent_until = self._clock() + SILENT_S
            raise ProviderError(f"{url} does not answer as it should: {error}") from error
        if not isinstance(found, dict):
            raise ProviderError(f"{url} does not answer with an object")
        return found

    # -- what it says of who has signed in ----------------------------------------------------------------------------

    def _verified(self, id_token: object, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an ID token that is for us, of now, and for this sign-in. Raises ProviderError."""
        if not isinstance(id_token, str):
            raise ProviderError("it gave no ID token")
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._described()["issuer"]},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = self._decoded(id_token)
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderError(f"its ID token is not accepted: {error}") from error
        audience = claims["aud"]
        party = claims.get("azp")
        if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, self._client_id):
            raise ProviderError("its ID token is for another client")
        return claims

    def _decoded(self, id_token: str) -> dict[str, Any]:
        try:
            return jwt.decode(id_token, self._key_set(), algorithms=list(ALGORITHMS)).claims
        except (InvalidKeyIdError, ValueError):  # it has new keys
            return jwt.decode(id_token, self._key_set(again=True), algorithms=list(ALGORITHMS)).claims

    def _user_info(self, access_token: object, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the provider says apart from the ID token, where it does; many put names only there."""
        if "userinfo_endpoint" not in self._described() or not isinstance(access_token, str):
            return {}
        found = self._get(self._endpoint("userinfo_endpoint"), Authorization=f"Bearer {access_token}")
        if found.get("sub") != said["sub"]:
            raise ProviderError("it tells of somebody else than its ID token")
        return found

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            self._client_id,
            self._client_secret or None,
            scope=SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=self._method(),
        )

    def _method(self) -> str:
        """Return how the client shows its secret: as OpenID Connect has it, unless the provider has another way."""
        if not self._client_secret:
            return "none"
        offered = self._described().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
