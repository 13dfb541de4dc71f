"""What the data plane is told about the world: accounts, and who a token is.

Both come in as functions, so that the data plane knows no resource and no token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A storage account as far as its data plane cares."""

    name: str
    keys: tuple[str, ...] = field(repr=False)
    """Base64, `key1` first. A signature made with any of them is accepted."""
    shared_key_allowed: bool = True
    """`allowSharedKeyAccess`: off refuses shared keys and what they sign."""
    public_allowed: bool = False
    """`allowBlobPublicAccess`: off refuses containers that anybody may read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who a bearer token was given to."""

    object_id: str
    tenant_id: str


Accounts = Callable[[str], Account | None]
"""Account name, in lower case, to the account; None when there is none."""

Tokens = Callable[[str], Identity | None]
"""Bearer token to the one who holds it; None when it is unknown or expired."""


def sign(key: str, text: str) -> str:
    """Sign as Azure Storage does: HMAC-SHA256 under a base64 key, in base64."""
    raw = text.encode(errors="surrogateescape")  # As headers of no UTF-8 come.
    digest = hmac.new(base64.b64decode(key), raw, hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()
