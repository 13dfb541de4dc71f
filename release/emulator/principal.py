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


def read(body: Any) -> Principal:
    """Read what a client put.

    Raises:
        ArmError: 400, naming what is wrong.
    """
    try:
        found = Principal(
            **{
                **body,
                "certificates": tuple(body.get("certificates", ())),
                "federated": tuple(
                    Federated(**one) for one in body.get("federated", ())
                ),
            }
        )
        for certificate in found.certificates:
            x509.load_pem_x509_certificate(certificate.encode())
    except (AttributeError, TypeError, ValueError) as error:
        raise bad_request(
            "InvalidPrincipal", f"This is no principal: {error}"
        ) from None
    return found


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
