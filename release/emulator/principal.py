"""Who the one principal is, as a client may set it at ``/emulator/principal``.

Whether it owns everything, which certificates and federated credentials its
application has, and how long its tokens live. It lives in memory: after a restart
the principal is the owner again, with its secret alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from release.emulator.errors import ArmError, bad_request

LIFETIME_S = 3599


@dataclass(frozen=True, kw_only=True, slots=True)
class Federated:
    """A federated credential: whose assertions are taken for this principal."""

    issuer: str
    subject: str
    audience: str
    key: str
    """The issuer's public key, PEM; Entra fetches it from the issuer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """What can be set."""

    owner: bool = True
    certificates: tuple[str, ...] = ()
    """PEM."""
    federated: tuple[Federated, ...] = ()
    token_lifetime_s: int = LIFETIME_S
    """As clients are told; 0 makes them ask anew for each request."""


_TYPES: Mapping[str, type] = {
    "owner": bool,
    "certificates": list,
    "federated": list,
    "token_lifetime_s": int,
}


def read(body: Any) -> Principal:
    """Read what a client put.

    Raises:
        ArmError: 400, naming what is wrong.
    """
    try:
        _check("the body", body, dict)
        for name, value in body.items():
            _check(name, value, _TYPES.get(name, object))
        found = Principal(
            **{
                **body,
                "certificates": tuple(body.get("certificates", ())),
                "federated": tuple(
                    Federated(**one) for one in body.get("federated", ())
                ),
            }
        )
        _check_keys(found)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise bad_request(
            "InvalidPrincipal", f"This is no principal: {error}"
        ) from None
    return found


def _check(name: str, value: object, kind: type) -> None:
    """Raise the TypeError of a value that is not of a JSON type."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{name} = {value!r}: expected {kind.__name__}")


def _check_keys(found: Principal) -> None:
    for certificate in found.certificates:
        _check("certificates", certificate, str)
        x509.load_pem_x509_certificate(certificate.encode())
    for one in found.federated:
        for name in ("issuer", "subject", "audience", "key"):
            _check(f"federated.{name}", getattr(one, name), str)
        load_pem_public_key(one.key.encode())
    if found.token_lifetime_s < 0:
        raise ValueError(f"token_lifetime_s = {found.token_lifetime_s}: below 0")


def shown(principal: Principal, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return what a client sees of it."""
    return {
        **ids,
        "owner": principal.owner,
        "certificates": list(principal.certificates),
        "federated": [
            {"issuer": one.issuer, "subject": one.subject, "audience": one.audience}
            for one in principal.federated
        ],
        "token_lifetime_s": principal.token_lifetime_s,
    }


def refuse_method(method: str) -> None:
    """Refuse all but GET and PUT.

    Raises:
        ArmError: 405.
    """
    if method not in ("GET", "PUT"):
        raise ArmError(405, "MethodNotAllowed", f"{method} is none of GET and PUT.")
