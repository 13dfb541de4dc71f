"""Who may do what: keys, signatures, tokens, nobody."""

import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ssl import create_default_context
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.blob import (
    AccessPolicy,
    BlobServiceClient,
    ContainerClient,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from tests.harness.emulator.blobs.conftest import KEYS, Plane, Token

SOON = datetime(2099, 1, 1, tzinfo=UTC)


def fetch(plane: Plane, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(plane.origin + path, headers=headers)
    trust = create_default_context(cafile=plane.ca)
    try:
        with urllib.request.urlopen(request, context=trust) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture
def picture(container: ContainerClient) -> str:
    container.upload_blob("a/b c.png", b"pixels")
    return "/shop/pictures/a/b%20c.png"


def test_both_keys_sign(plane: Plane, container: ContainerClient) -> None:
    container.upload_blob("a", b"1")

    with plane.service(KEYS[1]) as client:
        assert client.get_blob_client("pictures", "a").exists()


def test_a_wrong_key_is_refused(plane: Plane) -> None:
    with (
        plane.service("b3RoZXI=") as client,
        pytest.raises(ClientAuthenticationError) as caught,
    ):
        client.create_container("pictures")

    assert caught.value.error_code == "AuthenticationFailed"
    assert "string to sign" in str(caught.value)


def test_an_account_may_refuse_keys(plane: Plane) -> None:
    shop = plane.world.accounts["shop"]
    plane.world.accounts["shop"] = replace(shop, shared_key_allowed=False)

    with plane.service() as client, pytest.raises(HttpResponseError) as caught:
        client.create_container("pictures")

    assert caught.value.error_code == "KeyBasedAuthenticationNotPermitted"


def test_an_old_request_is_refused(plane: Plane) -> None:
    plane.world.ahead = timedelta(minutes=16)

    with plane.service() as client, pytest.raises(HttpResponseError) as caught:
        client.create_container("pictures")

    assert "Request date header too old" in str(caught.value)


def test_an_unknown_account_is_named(plane: Plane) -> None:
    with (
        plane.service(account="other") as client,
        pytest.raises(HttpResponseError) as caught,
    ):
        client.create_container("pictures")

    assert "There is no storage account 'other'." in str(caught.value)


def test_the_host_may_name_the_account(plane: Plane, picture: str) -> None:
    sas = generate_account_sas("shop", KEYS[0], "sco", "r", SOON)

    status, _, body = fetch(
        plane,
        f"{picture.removeprefix('/shop')}?{sas}",
        Host="shop.blob.core.windows.net",
    )

    assert (status, body) == (200, b"pixels")


# --- bearer ---------------------------------------------------------------


def test_a_token_may_do_everything(plane: Plane) -> None:
    with plane.service(Token()) as client:
        container = client.create_container("pictures")
        container.upload_blob("a", b"1")
        assert container.download_blob("a").readall() == b"1"


def test_an_unknown_token_is_refused(plane: Plane) -> None:
    with plane.service(Token("eve")) as client:
        with pytest.raises(ClientAuthenticationError) as caught:
            client.create_container("pictures")

        assert caught.value.error_code == "InvalidAuthenticationInfo"


def test_nobody_is_told_where_to_get_a_token(plane: Plane, picture: str) -> None:
    status, headers, body = fetch(plane, picture)

    assert status == 401
    assert headers["WWW-Authenticate"] == (
        "Bearer authorization_uri=https://127.0.0.1:1/"
        "11111111-1111-1111-1111-111111111111/oauth2/authorize"
        " resource_id=https://storage.azure.com"
    )
    assert b"<Code>NoAuthenticationInformation</Code>" in body


def test_a_public_container_needs_nobody(plane: Plane) -> None:
    shop = plane.world.accounts["shop"]
    plane.world.accounts["shop"] = replace(shop, public_allowed=True)
    with plane.service() as client:
        blobs_only = client.create_container("blobs", public_access="blob")
        blobs_only.upload_blob("a", b"1")

    assert fetch(plane, "/shop/blobs/a")[::2] == (200, b"1")
    assert fetch(plane, "/shop/blobs?restype=container&comp=list")[0] == 401


# --- signatures -----------------------------------------------------------


def test_a_blob_signature_reads_that_blob_alone(
    plane: Plane, container: ContainerClient, picture: str
) -> None:
    container.upload_blob("other", b"secret")
    sas = generate_blob_sas(
        "shop", "pictures", "a/b c.png", account_key=KEYS[0], permission="r",
        expiry=SOON, content_type="image/x-test",
    )  # fmt: skip

    status, headers, body = fetch(plane, f"{picture}?{sas}")

    assert (status, headers["Content-Type"], body) == (200, "image/x-test", b"pixels")
    assert fetch(plane, f"/shop/pictures/other?{sas}")[0] == 403


def test_a_container_signature_does_what_it_says(
    plane: Plane, container: ContainerClient
) -> None:
    sas = generate_container_sas(
        "shop", "pictures", account_key=KEYS[0], permission="cl", expiry=SOON
    )
    with ContainerClient(
        f"{plane.origin}/shop",
        "pictures",
        credential=sas,
        connection_verify=str(plane.ca),
    ) as signed:
        signed.upload_blob("a", b"1")
        assert list(signed.list_blob_names()) == ["a"]
        for call, code in (
            (lambda: signed.download_blob("a"), "AuthorizationPermissionMismatch"),
            (
                lambda: signed.upload_blob("a", b"2", overwrite=True),
                "UnauthorizedBlobOverwrite",
            ),
            (signed.delete_container, "AuthorizationPermissionMismatch"),
        ):
            with pytest.raises(HttpResponseError) as caught:
                call()
            assert (caught.value.status_code, caught.value.error_code) == (403, code)
    assert container.download_blob("a").readall() == b"1"


def test_an_account_signature_does_what_it_says(
    plane: Plane, container: ContainerClient
) -> None:
    sas = generate_account_sas("shop", KEYS[0], "co", "rwl", SOON)
    with plane.service(sas) as signed:
        signed.get_container_client("pictures").upload_blob("a", b"1")
        assert container.download_blob("a").readall() == b"1"
        with pytest.raises(HttpResponseError) as caught:
            list(signed.list_containers())

    assert caught.value.error_code == "AuthorizationResourceTypeMismatch"


@pytest.mark.parametrize(
    ("options", "code", "detail"),
    [
        pytest.param(
            {"expiry": datetime(2020, 1, 1, tzinfo=UTC)},
            "AuthenticationFailed",
            "Signature not valid in the specified time frame",
            id="expired",
        ),
        pytest.param(
            {"start": datetime(2098, 1, 1, tzinfo=UTC)},
            "AuthenticationFailed",
            "Signature not valid in the specified time frame",
            id="not-yet",
        ),
        pytest.param(
            {"account_key": "b3RoZXI="},
            "AuthenticationFailed",
            "Signature did not match",
            id="other-key",
        ),
        pytest.param(
            {"ip": "127.0.0.2-127.0.0.9"},
            "AuthorizationSourceIPMismatch",
            "Source: 127.0.0.1",
            id="other-address",
        ),
        pytest.param(
            {"protocol": "http"},
            "AuthorizationProtocolMismatch",
            "",
            id="other-protocol",
        ),
        pytest.param(
            {"permission": "w"},
            "AuthorizationPermissionMismatch",
            "",
            id="other-permission",
        ),
    ],
)
def test_a_signature_that_does_not_fit_is_refused(
    plane: Plane, picture: str, options: dict[str, Any], code: str, detail: str
) -> None:
    usual = {"account_key": KEYS[0], "permission": "r", "expiry": SOON}
    sas = generate_blob_sas("shop", "pictures", "a/b c.png", **{**usual, **options})

    status, headers, body = fetch(plane, f"{picture}?{sas}")

    assert (status, headers["x-ms-error-code"]) == (403, code)
    assert detail in body.decode()


def test_a_signature_for_my_address_is_accepted(plane: Plane, picture: str) -> None:
    sas = generate_blob_sas(
        "shop", "pictures", "a/b c.png", account_key=KEYS[0], permission="r",
        expiry=SOON, ip="127.0.0.1", protocol="https",
    )  # fmt: skip

    assert fetch(plane, f"{picture}?{sas}")[0] == 200


def test_a_stored_policy_gives_and_takes(
    plane: Plane, container: ContainerClient, picture: str
) -> None:
    policy = AccessPolicy(permission="r", expiry=SOON)
    container.set_container_access_policy({"readers": policy})
    sas = generate_blob_sas(
        "shop", "pictures", "a/b c.png", account_key=KEYS[0], policy_id="readers"
    )
    assert fetch(plane, f"{picture}?{sas}")[0] == 200

    container.set_container_access_policy({})

    assert fetch(plane, f"{picture}?{sas}")[0] == 403


# --- user delegation ------------------------------------------------------


def test_a_token_signs_through_a_delegation_key(plane: Plane, picture: str) -> None:
    now = datetime.now(UTC)
    with plane.service(Token()) as client:
        key = client.get_user_delegation_key(now, now + timedelta(hours=1))
    assert (key.signed_oid, key.signed_service) == ("ada", "b")
    sas = generate_blob_sas(
        "shop", "pictures", "a/b c.png", user_delegation_key=key, permission="r",
        expiry=now + timedelta(minutes=30),
    )  # fmt: skip

    assert fetch(plane, f"{picture}?{sas}")[::2] == (200, b"pixels")
    assert fetch(plane, f"{picture}?{sas.replace('skoid=ada', 'skoid=eve')}")[0] == 403
    plane.world.ahead = timedelta(minutes=31)
    assert fetch(plane, f"{picture}?{sas}")[0] == 403


def test_a_delegated_container_signature_appends(
    plane: Plane, container: ContainerClient
) -> None:
    now = datetime.now(UTC)
    with plane.service(Token()) as client:
        key = client.get_user_delegation_key(now, now + timedelta(hours=1))
    sas = generate_container_sas(
        "shop", "pictures", user_delegation_key=key, permission="racw",
        expiry=now + timedelta(minutes=30),
    )  # fmt: skip
    with ContainerClient(
        f"{plane.origin}/shop",
        "pictures",
        credential=sas,
        connection_verify=str(plane.ca),
    ) as signed:
        log = signed.get_blob_client("out")
        log.create_append_blob()
        log.append_block(b"one")

    assert container.download_blob("out").readall() == b"one"


def test_a_new_account_key_ends_delegation_keys(plane: Plane, picture: str) -> None:
    now = datetime.now(UTC)
    with plane.service(Token()) as client:
        key = client.get_user_delegation_key(now, now + timedelta(hours=1))
    sas = generate_blob_sas(
        "shop", "pictures", "a/b c.png", user_delegation_key=key, permission="r",
        expiry=now + timedelta(minutes=30),
    )  # fmt: skip
    shop = plane.world.accounts["shop"]
    plane.world.accounts["shop"] = replace(shop, keys=("bmV3", KEYS[1]))

    assert fetch(plane, f"{picture}?{sas}")[0] == 403


def test_a_key_gives_no_delegation_key(service: BlobServiceClient) -> None:
    now = datetime.now(UTC)

    with pytest.raises(ClientAuthenticationError):
        service.get_user_delegation_key(now, now + timedelta(hours=1))
