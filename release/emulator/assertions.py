"""Client assertions: signed statements of who a client is, instead of a secret.

One kind is signed with a certificate of the application (RFC 7523), the other comes
from another issuer that the application trusts: a federated credential. The checks
and their numbers are Entra's (source: "Microsoft Entra authentication and
authorization error codes").
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from release.emulator.principal import Federated, Principal

ALGORITHMS = ["RS256", "PS256", "ES256"]
_AGAINST = (
    "Check your federated identity credential Subject, Audience and Issuer against "
    "the presented assertion."
)


class AssertionRefused(Exception):
    """The assertion does not prove who the client is.

    Args:
        number: Of Entra's errors, without ``AADSTS``.
        text: In Entra's words.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"AADSTS{number}: {text}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What an assertion must fit."""

    client_id: str
    endpoint: str
    """Of tokens, as the client dialled it: the audience of its own assertions."""
    principal: Principal


def check(assertion: str, expected: Expected) -> None:
    """Check a client assertion.

    Raises:
        AssertionRefused: It proves nothing.
    """
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, UnicodeError):
        raise _malformed() from None
    if claims.get("iss") == expected.client_id:
        key = _certificate(header, expected)
        _check_own(claims, expected)
    else:
        key = _federated(claims, expected.principal).key
    _check_time(claims)
    try:
        jwt.PyJWS().decode(assertion, key, algorithms=ALGORITHMS)
    except (jwt.PyJWTError, TypeError, ValueError):  # Or a key of another algorithm.
        raise AssertionRefused(
            700027, "Client assertion contains an invalid signature."
        ) from None


def _malformed() -> AssertionRefused:
    return AssertionRefused(50027, "JWT token is invalid or malformed.")


def _certificate(header: Mapping[str, Any], expected: Expected) -> Any:
    """Return the public key of the certificate that a header names."""
    named = str(header.get("x5t#S256") or header.get("x5t") or "").rstrip("=")
    for text in expected.principal.certificates:
        found = x509.load_pem_x509_certificate(text.encode())
        der = found.public_bytes(Encoding.DER)
        # SHA-1 names the certificate here, as older clients do; it protects nothing.
        digests = (hashlib.sha256(der), hashlib.sha1(der, usedforsecurity=False))
        if named not in [_base64url(one.digest()) for one in digests]:
            continue
        if found.not_valid_after_utc < datetime.now(UTC):
            raise _unregistered("The key used is expired.", named)
        return found.public_key()
    raise _unregistered("The key was not found.", named)


def _unregistered(reason: str, named: str) -> AssertionRefused:
    return AssertionRefused(
        700027,
        "The certificate with identifier used to sign the client assertion is not "
        f"registered on application. [Reason - {reason}, Thumbprint of key used by "
        f"client: '{named}']",
    )


def _check_own(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("sub") != expected.client_id:
        raise AssertionRefused(
            700021,
            "Client assertion application identifier doesn't match 'client_id' "
            "parameter.",
        )
    if claims.get("aud") != expected.endpoint:
        raise AssertionRefused(
            700023,
            f"Client assertion audience claim '{claims.get('aud')}' does not match "
            f"Realm issuer: '{expected.endpoint}' is expected.",
        )


def _federated(claims: Mapping[str, Any], principal: Principal) -> Federated:
    """Return the federated credential that an assertion is of."""
    left = principal.federated
    told = claims.get("aud")
    audience = told[0] if isinstance(told, list) and len(told) == 1 else told
    for number, name, value in (
        (700211, "issuer", claims.get("iss")),
        (700213, "subject", claims.get("sub")),
        (700212, "audience", audience),
    ):
        left = tuple(one for one in left if getattr(one, name) == value)
        if not left:
            raise AssertionRefused(
                number,
                "No matching federated identity record found for presented assertion "
                f"{name} '{value}'. {_AGAINST}",
            )
    return left[0]


def _check_time(claims: Mapping[str, Any]) -> None:
    now = datetime.now(UTC).timestamp()
    begins, ends = claims.get("nbf", 0), claims.get("exp", 0)
    if not (isinstance(begins, int | float) and isinstance(ends, int | float)):
        raise _malformed()
    if not begins <= now < ends:
        raise AssertionRefused(
            700024,
            "Client assertion is not within its valid time range. Current time: "
            f"{_shown(now)}, assertion valid from {_shown(begins)}, expiry time of "
            f"assertion {_shown(ends)}.",
        )


def _shown(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, OSError, ValueError):  # Milliseconds, say.
        return str(moment)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
