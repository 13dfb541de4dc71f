"""Who signs in to an embedded Azure, and a CI system that vouches for its jobs."""

from __future__ import annotations

import contextlib
import functools
import json
import ssl
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from release.azure.clients import Azure

SUBJECT = "repo:shop/web:environment:qa"
AUDIENCE = "api://AzureADTokenExchange"
ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
}


@functools.cache
def key() -> rsa.RSAPrivateKey:
    """Return the key of a CI system, made when it is asked for: that takes its time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Principal:
    """The principal of an embedded Azure, as its page shows it."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._roles = dict(ROLES)
        self.object_id = self.put(owner=True)["object_id"]

    def put(self, **told: object) -> dict[str, str]:
        request = urllib.request.Request(
            f"{self._azure.endpoint.arm_url}/emulator/principal",
            method="PUT",
            data=json.dumps(told).encode(),
            headers={"Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=self._azure.endpoint.ca)
        with urllib.request.urlopen(request, context=trust) as answer:
            return dict(json.load(answer))

    def define(
        self, name: str, actions: tuple[str, ...], data_actions: tuple[str, ...]
    ) -> None:
        """Make a role of these actions; it can be had by its name."""
        identifier = str(uuid.uuid4())
        self._roles[name] = identifier
        permission = {"actions": list(actions), "dataActions": list(data_actions)}
        self._azure.resources.resources.begin_create_or_update_by_id(
            f"/subscriptions/{self._azure.subscription}/providers/"
            f"Microsoft.Authorization/roleDefinitions/{identifier}",
            {"properties": {"roleName": name, "permissions": [permission]}},
            api_version="2022-04-01",
        ).result()

    def has(self, *granted: tuple[str, str]) -> None:
        """Let it have these roles, each at a scope, and no other."""
        for role, scope in granted:
            assignment = {
                "properties": {
                    "principalId": self.object_id,
                    "roleDefinitionId": "/providers/Microsoft.Authorization/"
                    f"roleDefinitions/{self._roles[role]}",
                }
            }
            self._azure.resources.resources.begin_create_or_update_by_id(
                f"{scope}/providers/Microsoft.Authorization/roleAssignments/"
                f"{uuid.uuid4()}",
                assignment,
                api_version="2022-04-01",
            ).result()
        self.put(owner=False)


class Issuer:
    """What a CI system is to its jobs: it issues an ID token to who may ask."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.subject = SUBJECT
        self.lasts_s = 300
        self.asked: list[tuple[str, str, str]] = []
        """Method, path with query, Authorization."""

    def token(self, audience: str) -> str:
        now = time.time()
        return jwt.encode(
            {
                "iss": self.url,
                "sub": self.subject,
                "aud": audience,
                "nbf": now - 60,
                "exp": now + self.lasts_s,
                "jti": str(len(self.asked)),
            },
            key(),
            algorithm="RS256",
        )

    def trusted(self) -> dict[str, object]:
        """Return the federated credential that trusts it."""
        public = (
            key()
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            )
        )
        return {
            "federated": [
                {
                    "issuer": self.url,
                    "subject": SUBJECT,
                    "audience": AUDIENCE,
                    "key": public.decode(),
                }
            ]
        }


@contextlib.contextmanager
def issuing() -> Iterator[Issuer]:
    """Issue ID tokens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            bearer = self.headers.get("Authorization", "")
            issuer.asked.append((self.command, self.path, bearer))
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            allowed = bearer == "Bearer of-the-job"
            body = {
                "value": issuer.token(query.get("audience", [AUDIENCE])[0]),
                "oidcToken": issuer.token(AUDIENCE),
            }
            self.send_response(200 if allowed else 403)
            self.end_headers()
            self.wfile.write(json.dumps(body if allowed else {}).encode())

        do_GET = do_POST = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()
