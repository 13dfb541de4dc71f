"""Who this Azure is: its tenant, its subscriptions, its one principal."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Self

from release.emulator.store import Store

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
OTHERS = ("22222222-2222-2222-2222-222222222223",)
CLIENT_ID = "33333333-3333-3333-3333-333333333333"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who this Azure is: fixed ids, and the folder's own secret."""

    tenant: str
    subscription: str
    """The one that clients are told of."""
    others: tuple[str, ...]
    """More of them, to release from one to another."""
    client_id: str
    client_secret: str

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """All of them."""
        return (self.subscription, *self.others)

    @property
    def object_id(self) -> str:
        """Of the principal; role assignments name it."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.client_id))

    @classmethod
    def of(cls, store: Store) -> Self:
        """Return that of a state folder, whose secret lasts as long as the folder."""
        secret = store.fact("client_secret")
        if secret is None:
            secret = secrets.token_urlsafe(24)
            store.remember("client_secret", secret)
        return cls(
            tenant=TENANT,
            subscription=SUBSCRIPTION,
            others=OTHERS,
            client_id=CLIENT_ID,
            client_secret=secret,
        )
