"""Tokens that are kept, for a credential that keeps none.

azure-identity's credentials keep their tokens, but `AzureCliCredential` starts `az` for
each: a second of CPU for each client of the SDK, and for each thread that asks first
(source: its docstring, "this credential doesn't cache the tokens it acquires").
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from azure.core.credentials import (
    AccessToken,
    AccessTokenInfo,
    SupportsTokenInfo,
    TokenRequestOptions,
)

RENEWED_S = 300
"""Seconds before its end in which the SDK's clients want a token renewed (source:
DEFAULT_REFRESH_WINDOW_SECONDS of azure-core)."""


class Tokens:
    """Tokens of one principal, by scope and tenant.

    Args:
        now: Seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: dict[tuple[str, ...], AccessTokenInfo] = {}
        # One for all: programs that are started at once would all ask.
        self._lock = threading.Lock()

    def get(
        self, scopes: tuple[str, ...], fetch: Callable[[], AccessTokenInfo]
    ) -> AccessTokenInfo:
        """Return the token for scopes, fetched where none is kept for long enough.

        Args:
            scopes: What it is for, and the tenant.
            fetch: Gets a new one.
        """
        with self._lock:
            kept = self._kept.get(scopes)
            if kept is None or kept.expires_on - self._now() < RENEWED_S:
                kept = self._kept[scopes] = fetch()
            return kept


class Keeping:
    """A credential whose tokens are kept.

    Args:
        credential: Asked for those that are not there.
        tokens: Where they are kept.
    """

    def __init__(self, credential: SupportsTokenInfo, tokens: Tokens) -> None:
        self._credential = credential
        self._tokens = tokens

    def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        """Return a token; one that must answer a challenge is always a new one."""

        def fetch() -> AccessTokenInfo:
            return self._credential.get_token_info(*scopes, options=options)

        told = options or {}
        if told.get("claims"):
            return fetch()
        return self._tokens.get((*scopes, told.get("tenant_id") or ""), fetch)

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        **_: Any,
    ) -> AccessToken:
        """Return a token for who knows no other form of it."""
        options: TokenRequestOptions = {}
        if claims:
            options["claims"] = claims
        if tenant_id:
            options["tenant_id"] = tenant_id
        found = self.get_token_info(*scopes, options=options)
        return AccessToken(found.token, found.expires_on)
