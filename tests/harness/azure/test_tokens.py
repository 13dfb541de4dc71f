"""How long a token is kept, and for whom."""

from __future__ import annotations

import pytest
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

from release.azure.tokens import RENEWED_S, Keeping, Tokens

LASTS_S = 3600
ARM = "https://management.azure.com/.default"
STORAGE = "https://storage.azure.com/.default"


class Issuing:
    """A credential that keeps nothing, and the clock of its tokens."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.asked: list[tuple[str, TokenRequestOptions | None]] = []

    def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        self.asked.append((scopes[0], options))
        return AccessTokenInfo(str(len(self.asked)), int(self.now_s) + LASTS_S)

    def close(self) -> None:
        raise AssertionError("whoever made it closes it")

    __enter__ = __exit__ = close


@pytest.fixture
def issuing() -> Issuing:
    return Issuing()


@pytest.fixture
def keeping(issuing: Issuing) -> Keeping:
    return Keeping(issuing, Tokens(lambda: issuing.now_s))  # type: ignore[arg-type]


def test_a_token_is_kept_until_the_sdk_wants_it_renewed(issuing, keeping) -> None:
    assert keeping.get_token_info(ARM).token == "1"
    issuing.now_s += LASTS_S - RENEWED_S
    assert keeping.get_token_info(ARM).token == "1"
    issuing.now_s += 1
    assert keeping.get_token_info(ARM).token == "2"
    assert keeping.get_token(ARM).token == "2"


def test_each_scope_and_tenant_has_its_own(issuing, keeping) -> None:
    other: TokenRequestOptions = {"tenant_id": "other"}
    for _ in range(2):
        found = [
            keeping.get_token_info(ARM).token,
            keeping.get_token_info(STORAGE).token,
            keeping.get_token_info(ARM, options=other).token,
            keeping.get_token(ARM, tenant_id="other").token,
        ]
        assert found == ["1", "2", "3", "3"]
    assert issuing.asked == [(ARM, None), (STORAGE, None), (ARM, other)]


def test_a_challenge_is_never_answered_with_what_was_kept(issuing, keeping) -> None:
    keeping.get_token(ARM)
    assert keeping.get_token(ARM, claims="{}").token == "2"
    assert issuing.asked[-1] == (ARM, {"claims": "{}"})


def test_nothing_is_kept_of_a_fetch_that_failed(issuing, keeping) -> None:
    fetch = issuing.get_token_info
    issuing.get_token_info = lambda *_, **__: 1 / 0
    with pytest.raises(ZeroDivisionError):
        keeping.get_token(ARM)
    issuing.get_token_info = fetch
    assert keeping.get_token(ARM).token == "1"
