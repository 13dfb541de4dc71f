"""Microsoft Entra, as far as clients ask: tokens, and the check of them.

Tokens are signed JSON web tokens, so that they outlive a restart. A client proves
who it is with its secret or with a client assertion. Endpoints: v1
(``/oauth2/token``), v2 (``/oauth2/v2.0/token``), OpenID metadata, with and without
the ``/adfs`` prefix. The shapes are those that MSAL and go-autorest read.
"""

from __future__ import annotations

import hmac
import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt

from release.emulator import assertions, blobs
from release.emulator.assertions import AssertionRefused
from release.emulator.errors import ArmError
from release.emulator.identity import Identity
from release.emulator.kinds import Reply
from release.emulator.names import RESOURCE_MANAGER
from release.emulator.principal import Principal

_ANY_TENANT = ("adfs", "common", "organizations")
"""What may stand in a token endpoint's URL for the one tenant."""
_OPENID = ("openid", "profile", "offline_access")
"""Scopes that MSAL for Go adds to the one that is asked for."""
SKEW_S = 60
"""How much later than it says a token ends: clocks differ."""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
STORAGE_AUDIENCE = "https://storage.azure.com"


class Authority:
    """Issues tokens for one identity, and checks them.

    Args:
        identity: The only principal there is.
        key: What tokens are signed with.
    """

    def __init__(self, identity: Identity, key: str) -> None:
        self.identity = identity
        self.principal = Principal()
        self._key = key

    def token(self, form: Mapping[str, str], *, endpoint: str, v1: bool) -> Reply:
        """Answer a token request; errors as Entra words them.

        Args:
            form: What was posted.
            endpoint: The URL that it was posted to.
            v1: Whether that is the first version's.
        """
        problem = self._absent(endpoint) or self._refusal(form, endpoint)
        if problem:
            return problem
        audience = form.get("resource") or _audience(form.get("scope", ""))
        now = int(time.time())
        lasts_s = self.principal.token_lifetime_s
        origin = endpoint.partition("/oauth2/")[0].rpartition("/")[0]
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": lasts_s,
            "ext_expires_in": lasts_s,
            "access_token": self._issue(audience, origin, now),
        }
        if v1:
            body |= {
                "expires_in": str(lasts_s),
                "ext_expires_in": str(lasts_s),
                "expires_on": str(now + lasts_s),
                "not_before": str(now),
                "resource": audience,
            }
        return Reply(body=body)

    def _absent(self, endpoint: str) -> Reply | None:
        """Refuse a tenant that there is not."""
        tenant = endpoint.partition("/oauth2/")[0].rpartition("/")[2]
        if tenant.lower() in (self.identity.tenant, *_ANY_TENANT):
            return None
        return _refused(
            400,
            "invalid_request",
            f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have "
            "the correct tenant ID and are signing into the correct cloud.",
        )

    def _refusal(self, form: Mapping[str, str], endpoint: str) -> Reply | None:
        if form.get("grant_type") != "client_credentials":
            return _refused(
                400,
                "unsupported_grant_type",
                f"AADSTS70003: The app requested an unsupported grant type "
                f"'{form.get('grant_type')}'; only client_credentials is served here.",
            )
        if form.get("client_id", "").lower() != self.identity.client_id:
            return _refused(
                400,
                "unauthorized_client",
                f"AADSTS700016: Application with identifier "
                f"'{form.get('client_id')}' was not found in the directory "
                f"'{self.identity.tenant}'.",
            )
        if form.get("client_assertion"):
            return self._assertion_refusal(form, endpoint)
        if "client_secret" not in form:
            return _refused(
                401,
                "invalid_client",
                "AADSTS7000218: The request body must contain the following parameter: "
                "'client_assertion' or 'client_secret'.",
            )
        secret = form["client_secret"]
        expected = self.identity.client_secret.encode()
        # Half a surrogate pair cannot be encoded, and is in no secret.
        if not hmac.compare_digest(secret.encode(errors="replace"), expected):
            return _refused(
                401,
                "invalid_client",
                "AADSTS7000215: Invalid client secret provided. Ensure the secret "
                "being sent in the request is the client secret value, not the "
                "client secret ID.",
            )
        return None

    def _assertion_refusal(
        self, form: Mapping[str, str], endpoint: str
    ) -> Reply | None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return _refused(
                400,
                "invalid_request",
                "AADSTS900144: The request body must contain the following parameter: "
                f"'client_assertion_type' with value '{ASSERTION_TYPE}'.",
            )
        expected = assertions.Expected(
            client_id=self.identity.client_id,
            endpoint=endpoint,
            principal=self.principal,
        )
        try:
            assertions.check(form["client_assertion"], expected)
        except AssertionRefused as error:
            return _refused(401, "invalid_client", str(error))
        return None

    def _issue(self, audience: str, origin: str, now: int) -> str:
        claims = {
            "aud": audience,
            "iss": f"{origin}/{self.identity.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + self.principal.token_lifetime_s,
            "appid": self.identity.client_id,
            "oid": self.identity.object_id,
            "sub": self.identity.object_id,
            "tid": self.identity.tenant,
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def check(self, header: str | None, *, origin: str) -> Mapping[str, Any]:
        """Return the claims of an Authorization header's bearer token.

        Raises:
            ArmError: 401 with the ``WWW-Authenticate`` challenge.
        """
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._challenge(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                origin,
            )
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                leeway=SKEW_S,
                options={"verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise self._challenge(
                "ExpiredAuthenticationToken", "The access token has expired.", origin
            ) from error
        except (jwt.InvalidTokenError, UnicodeEncodeError) as error:
            raise self._challenge(
                "InvalidAuthenticationToken", "The access token is invalid.", origin
            ) from error
        return claims

    def check_audience(self, claims: Mapping[str, Any], *, origin: str) -> None:
        """See that a token is for the Resource Manager.

        Args:
            claims: What `check` returned.
            origin: Of the request; a client may have taken it for the audience.

        Raises:
            ArmError: 401 with the ``WWW-Authenticate`` challenge.
        """
        allowed = [f"https://{host}" for host in RESOURCE_MANAGER]
        if str(claims["aud"]).rstrip("/").lower() in (*allowed, origin.lower()):
            return
        shown = ",".join(f"'{one}/','{one}'" for one in (*allowed[:2], origin))
        raise self._challenge(
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource "
            f"{claims['aud']!r}. It should exactly match with one of the allowed "
            f"audiences {shown}.",
            origin,
        )

    def storage_identity(self, token: str) -> blobs.Identity | None:
        """Tell who a token for Azure Storage was given to; None for any other."""
        try:
            claims = self.check(f"Bearer {token}", origin="")
        except ArmError:
            return None
        audience = str(claims["aud"]).rstrip("/")
        if audience != STORAGE_AUDIENCE and ".blob." not in audience:
            return None
        return blobs.Identity(object_id=claims["oid"], tenant_id=claims["tid"])

    def _challenge(self, code: str, message: str, origin: str) -> ArmError:
        return ArmError(
            401,
            code,
            message,
            headers={
                "WWW-Authenticate": "Bearer "
                f'authorization_uri="{origin}/{self.identity.tenant}", '
                f'error="invalid_token", error_description="{message}"'
            },
        )


def _audience(scope: str) -> str:
    """Return whom a token is for, by the one scope that is no word of OpenID's."""
    named = [word for word in scope.split() if word not in _OPENID]
    return named[0].removesuffix("/.default") if named else ""


def _refused(status: int, error: str, description: str) -> Reply:
    return Reply(
        status=status,
        body={
            "error": error,
            "error_description": description,
            "error_codes": [int(description[6 : description.index(":")])],
            "trace_id": str(uuid.uuid4()),
            "correlation_id": str(uuid.uuid4()),
        },
    )


def openid_configuration(origin: str, tenant: str) -> dict[str, Any]:
    """Return the OpenID metadata document, endpoints on this server."""
    base = f"{origin}/{tenant}"
    return {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
        ],
        "response_types_supported": ["code", "token"],
        "tenant_region_scope": "EU",
    }
