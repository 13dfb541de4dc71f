"""Who the one principal is: what may be set, and which assertions prove it."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from release.emulator import assertions
from release.emulator.assertions import AssertionRefused, Expected
from release.emulator.errors import ArmError
from release.emulator.principal import Federated, Principal, read

OURS = ec.generate_private_key(ec.SECP256R1())
KEY = (
    OURS.public_key()
    .public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    .decode()
)
TRUSTED = {"issuer": "i", "subject": "s", "audience": "a", "key": KEY}
EXPECTED = Expected(
    client_id="me",
    endpoint="https://login/token",
    principal=Principal(federated=(Federated(**TRUSTED),)),
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "the body = []: expected dict"),
        ({"token_lifetime_s": "60"}, "token_lifetime_s = '60': expected int"),
        ({"token_lifetime_s": True}, "token_lifetime_s = True: expected int"),
        ({"token_lifetime_s": -1}, "token_lifetime_s = -1: below 0"),
        ({"owner": "no"}, "owner = 'no': expected bool"),
        ({"certificates": "x"}, "certificates = 'x': expected list"),
        ({"certificates": [5]}, "certificates = 5: expected str"),
        (
            {"federated": [TRUSTED | {"issuer": 5}]},
            "federated.issuer = 5: expected str",
        ),
    ],
)
def test_what_is_no_principal_is_refused(body: Any, why: str) -> None:
    with pytest.raises(ArmError) as caught:
        read(body)
    assert caught.value.message == f"This is no principal: {why}"


def test_a_key_that_is_no_pem_is_refused() -> None:
    assert read({"federated": [TRUSTED]}).federated == (Federated(**TRUSTED),)
    with pytest.raises(ArmError, match="This is no principal: "):
        read({"federated": [TRUSTED | {"key": "ssh-rsa AAAA"}]})


def signed(**claims: object) -> str:
    now = int(time.time())
    usual = {"iss": "i", "sub": "s", "aud": "a", "nbf": now - 9, "exp": now + 99}
    return jwt.encode(usual | claims, OURS, algorithm="ES256")


def test_an_assertion_that_fits_proves_it() -> None:
    assertions.check(signed(), EXPECTED)


@pytest.mark.parametrize(
    ("assertion", "error"),
    [
        pytest.param("a.b", "AADSTS50027: JWT token is invalid", id="no-token"),
        pytest.param("\ud800", "AADSTS50027: JWT token is invalid", id="no-text"),
        pytest.param(
            signed(exp="soon"), "AADSTS50027: JWT token is invalid", id="text"
        ),
        pytest.param(
            signed(nbf=4102444800000, exp=4102444900000),
            "AADSTS700024: Client assertion is not within its valid time range",
            id="milliseconds",
        ),
        pytest.param(
            signed(nbf=4102444800 * 10**9),
            "AADSTS700024: Client assertion is not within its valid time range",
            id="nanoseconds",
        ),
        pytest.param(
            "eyJhbGciOiJSUzI1NiJ9." + signed().partition(".")[2],
            "AADSTS700027: Client assertion contains an invalid signature",
            id="another-algorithm",
        ),
    ],
)
def test_one_that_does_not_is_refused(assertion: str, error: str) -> None:
    with pytest.raises(AssertionRefused) as caught:
        assertions.check(assertion, EXPECTED)
    assert str(caught.value).startswith(error)
