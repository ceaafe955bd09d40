"""A provider of OpenID Connect, made of Authlib's server side: it runs in the test process, over HTTP on loopback."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "huntgroup", "a secret of the client"


class Client(ClientMixin):  # type: ignore[misc]
    """The page, as the provider has registered it."""

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code:
    """An authorization code, used once."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    claims: dict[str, Any]

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class RealProvider:
    """The provider; what it says of who is signed in there can be changed."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "1", "preferred_username": "anna"})
    only_in_user_info: dict[str, Any] = field(default_factory=dict)
    change: Callable[[dict[str, Any]], object] = lambda _claims: None
    """Makes an ID token that is wrong in some way."""
    key: Any = None
    published: Any = None
    """The keys that it shows; None: the one it signs with."""
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    described: dict[str, Any] = field(default_factory=dict)
    has_form: bool = False
    """Whether it asks people with a form; otherwise everybody is signed in there already."""

    def new_key(self) -> None:
        self.key = new_key()


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": f"key-{time.monotonic_ns()}", "use": "sig", "alg": "RS256"})


first_key = functools.cache(new_key)


def grant_of(op: RealProvider) -> type[Any]:
    class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            data = request.payload.data
            op.codes[code] = Code(
                code,
                data["redirect_uri"],
                data["scope"],
                data.get("nonce", ""),
                data.get("code_challenge", ""),
                data.get("code_challenge_method", ""),
                dict(op.claims),
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return op.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del op.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> Any:
            return SimpleNamespace(claims=authorization_code.claims)

    return Grant


def id_token_of(op: RealProvider) -> Any:
    class IdToken(OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def resolve_client_private_key(self, client: Client) -> Any:
            return op.key

        def get_client_algorithm(self, client: Client) -> str:
            return "RS256"

        def get_encode_header(self, client: Client) -> dict[str, str]:
            return {"alg": "RS256", "kid": op.key.kid}

        def get_compatible_claims(self, request: Any) -> dict[str, Any]:
            now = int(time.time())
            return {"iss": op.issuer, "aud": [CLIENT], "iat": now, "exp": now + 300}

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            return {}

        def generate_user_info(self, user: Any, scope: str) -> dict[str, Any]:
            return dict(user.claims)

        def encode_id_token(self, token: Any, request: Any) -> str:
            from joserfc import jwt

            claims = self.get_compatible_claims(request)
            claims |= self.get_authorization_code_claims(request.authorization_code)
            claims |= self.generate_user_info(request.user, token["scope"])
            op.change(claims)
            return jwt.encode(self.get_encode_header(request.client), claims, op.key, ["RS256"])

    return IdToken(require_nonce=True)


def application(op: RealProvider, client: Client) -> flask.Flask:
    app = flask.Flask("provider")

    def save_token(token: dict[str, Any], request: Any) -> None:
        op.tokens[token["access_token"]] = dict(request.user.claims)

    server = AuthorizationServer(app, query_client=lambda _id: client if _id == CLIENT else None, save_token=save_token)
    server.register_grant(grant_of(op), [id_token_of(op), CodeChallenge(required=True)])

    @app.before_request
    def note() -> None:
        op.asked.append(flask.request.path)

    @app.get("/.well-known/openid-configuration")
    def described() -> dict[str, Any]:
        return {
            "issuer": op.issuer,
            "authorization_endpoint": f"{op.issuer}/authorize",
            "token_endpoint": f"{op.issuer}/token",
            "jwks_uri": f"{op.issuer}/jwks",
            "userinfo_endpoint": f"{op.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            **op.described,
        }

    @app.get("/jwks")
    def keys() -> Any:
        return KeySet([op.published or op.key]).as_dict(private=False)

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        if op.has_form and flask.request.method == "GET":
            return "<form method=post><button>It is me</button></form>"
        user = SimpleNamespace(claims=op.claims)
        return server.create_authorization_response(grant=server.get_consent_grant(end_user=user), grant_user=user)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/userinfo")
    def user_info() -> Any:
        token = flask.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in op.tokens:
            return {}, 401
        return {"sub": op.tokens[token]["sub"], **op.only_in_user_info}

    return app


@contextlib.contextmanager
def running(redirect_uri: str, host: str = "127.0.0.1") -> Iterator[RealProvider]:
    """Run a provider at which the page is registered; ``host`` is what this machine is called in its address."""
    op = RealProvider()
    op.key = first_key()
    server = make_server("127.0.0.1", 0, application(op, Client(redirect_uri)), threaded=True)
    op.issuer = f"http://{host}:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield op
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
