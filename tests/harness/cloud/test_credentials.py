"""Each way to sign in, at an embedded Azure that is given by its address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from release import doctor
from release.azure import groups
from release.azure.clients import Azure
from release.builds import Build
from release.coordination.run import Run
from release.coordination.selection import Mode, Selection
from release.environments import connect
from release.errors import AzureError, SettingsError
from release.settings import load
from tests.harness.entra import AUDIENCE, Issuer, Principal, issuing, key

TOML = """
[env.qa]
cloud = "azure"
arm_url = "{arm}"
blob_url = "{blob}"
ca_file = "{ca}"
subscription = "{subscription}"
resource_group = "shop-site"
image_resource_group = "shop-images"
storage_account = "shopaccount"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""


@pytest.fixture
def signed_in(
    azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Azure]]:
    """Connect with variables alone: ``signed_in(ARM_CLIENT_ID=...)``."""
    monkeypatch.setenv("PATH", str(tmp_path))
    endpoint = azure.endpoint
    (tmp_path / "release.toml").write_text(
        TOML.format(
            arm=endpoint.arm_url,
            blob=endpoint.blob_url,
            ca=endpoint.ca,
            subscription=endpoint.subscription,
        )
    )
    opened: list[Azure] = []

    def make(**variables: str) -> Azure:
        told = load(tmp_path, "qa", options={}, variables=variables)
        made = connect(told)
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def principal(azure: Azure) -> Iterator[Principal]:
    found = Principal(azure)
    yield found
    found.put()


SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
OTHER = "22222222-2222-2222-2222-222222222223"
TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "33333333-3333-3333-3333-333333333333"
WHO = {"ARM_TENANT_ID": TENANT, "ARM_CLIENT_ID": CLIENT}


def ask(azure: Azure) -> bool:
    """Ask something that needs a token."""
    groups.sweep(azure, _NoJournal())  # type: ignore[arg-type]
    return True


class _NoJournal:
    path = Path("/nowhere")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as made:
        yield made


def github(issuer: Issuer) -> dict[str, str]:
    return WHO | {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
    }


def pipelines(issuer: Issuer) -> dict[str, str]:
    return WHO | {
        "SYSTEM_OIDCREQUESTURI": f"{issuer.url}/oidc",
        "SYSTEM_ACCESSTOKEN": "of-the-job",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "a-connection",
    }


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        pytest.param(
            github,
            (
                "GET",
                "/token?api-version=2&audience=api%3A%2F%2FAzureADTokenExchange",
                "Bearer of-the-job",
            ),
            id="github",
        ),
        pytest.param(
            pipelines,
            (
                "POST",
                "/oidc?api-version=7.1&serviceConnectionId=a-connection",
                "Bearer of-the-job",
            ),
            id="pipelines",
        ),
    ],
)
def test_a_job_signs_in_with_a_new_assertion_for_each_token(
    signed_in, principal, issuer, variables, asked
) -> None:
    # Tokens that end at once: each request is what one in an hour is on Azure.
    principal.put(**issuer.trusted(), token_lifetime_s=0)
    azure = signed_in(**variables(issuer))
    assert ask(azure)
    assert ask(azure)
    assert issuer.asked == [asked, asked]


def test_an_assertion_that_is_kept_would_end_a_release(
    signed_in, principal, issuer
) -> None:
    principal.put(**issuer.trusted(), token_lifetime_s=0)
    issuer.lasts_s = -1
    with pytest.raises(AzureError) as caught:
        ask(signed_in(**github(issuer)))
    assert "AADSTS700024: Client assertion is not within its valid time range" in str(
        caught.value
    )


def test_another_job_is_refused_by_its_subject(signed_in, principal, issuer) -> None:
    principal.put(**issuer.trusted())
    issuer.subject = "repo:shop/web:pull_request"
    with pytest.raises(AzureError) as caught:
        ask(signed_in(**github(issuer)))
    assert (
        "AADSTS700213: No matching federated identity record found for presented "
        "assertion subject 'repo:shop/web:pull_request'."
    ) in str(caught.value)


def test_a_job_that_may_not_ask_is_told_so_without_its_token(
    signed_in, principal, issuer
) -> None:
    principal.put(**issuer.trusted())
    variables = github(issuer) | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-another"}
    with pytest.raises(AzureError) as caught:
        ask(signed_in(**variables))
    assert caught.value.what == (
        "listing resource groups failed: signing in was refused: GitHub issues no ID "
        "token to this job: HTTP 403 without value"
    )


def test_a_workload_identity_reads_its_file_for_each_token(
    signed_in, principal, issuer, tmp_path
) -> None:
    principal.put(**issuer.trusted(), token_lifetime_s=0)
    file = tmp_path / "token"
    file.write_text(issuer.token(AUDIENCE) + "\n")
    azure = signed_in(**WHO, AZURE_FEDERATED_TOKEN_FILE=str(file))
    assert ask(azure)
    issuer.lasts_s = -1
    file.write_text(issuer.token(AUDIENCE))
    with pytest.raises(AzureError) as caught:
        ask(azure)
    assert "AADSTS700024" in caught.value.what
    file.unlink()
    with pytest.raises(AzureError) as caught:
        ask(azure)
    assert caught.value.what == (
        "listing resource groups failed: signing in was refused: the token file "
        f"{file} cannot be read: No such file or directory"
    )


AZ = """#!/bin/sh
echo "$*" >> {folder}/asked
case "$*" in *https://storage.azure.com*) name=storage ;; *) name=arm ;; esac
while read -r line; do echo "$line"; done < {folder}/$name
"""
"""A stand-in for the Azure CLI: it notes how it was called, and prints a token."""


@pytest.mark.usefixtures("signed_in")
def test_az_is_started_once_for_each_scope_of_a_run(azure, tmp_path) -> None:
    (tmp_path / "az").write_text(AZ.format(folder=tmp_path))
    (tmp_path / "az").chmod(0o755)
    settings = load(tmp_path, "qa", options={}, variables={})
    attach = Selection(mode=Mode.ATTACH, reason="")
    build = Build(id="2026.1125.1", environment="qa", root=tmp_path, attached=True)
    run = Run(settings=settings, selection=attach, build=build)
    here = run.azure
    scopes = {"arm": here.endpoint.audience, "storage": "https://storage.azure.com"}
    for name, audience in scopes.items():
        made = azure.credential.get_token(f"{audience}/.default")
        told = {"accessToken": made.token, "expires_on": made.expires_on}
        (tmp_path / name).write_text(json.dumps(told) + "\n")
    here.prepare()
    path = f"/subscriptions/{SUBSCRIPTION}/resourcegroups"

    with ThreadPoolExecutor(8) as pool:
        answers = [
            pool.submit(here.listed, path, api_version="2021-04-01") for _ in range(16)
        ]
    assert len({len(answer.result()) for answer in answers}) == 1
    for one in (here, here.unguarded(), here.of(OTHER), run.connected_anew()):
        assert ask(one)
        assert list(one.compute.galleries.list()) is not None
        with pytest.raises(HttpResponseError):
            one.blobs("nobodys").get_account_information()
        one.close()
    assert (tmp_path / "asked").read_text().splitlines() == [
        f"account get-access-token --output json --resource {audience}"
        for audience in scopes.values()
    ]


def certificate(*, days: int = 1) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "release")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .sign(key(), hashes.SHA256())
    )


def pem(made: x509.Certificate) -> str:
    return made.public_bytes(serialization.Encoding.PEM).decode()


def with_key(made: x509.Certificate, password: str) -> bytes:
    private = key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption(),
    )
    return private + pem(made).encode()


def as_pfx(made: x509.Certificate, password: str) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"release",
        key(),
        made,
        None,
        serialization.BestAvailableEncryption(password.encode()),
    )


@pytest.mark.parametrize(
    ("written", "password"),
    [
        pytest.param(with_key, "", id="pem"),
        pytest.param(with_key, "hush", id="pem-with-password"),
        pytest.param(as_pfx, "hush", id="pkcs12"),
    ],
)
def test_a_certificate_signs_in(
    signed_in, principal, tmp_path, written, password
) -> None:
    made = certificate()
    principal.put(certificates=[pem(made)])
    file = tmp_path / "certificate"
    file.write_bytes(written(made, password))
    named = {"ARM_CLIENT_CERTIFICATE_PATH": str(file)}
    if password:
        named["ARM_CLIENT_CERTIFICATE_PASSWORD"] = password
    assert ask(signed_in(**WHO, **named))


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        pytest.param(False, "The key was not found.", id="another"),
        pytest.param(True, "The key used is expired.", id="expired"),
    ],
)
def test_a_certificate_that_the_application_has_not_is_refused(
    signed_in, principal, tmp_path, registered, reason
) -> None:
    made = certificate(days=-1)
    principal.put(certificates=[pem(made)] if registered else [pem(certificate())])
    file = tmp_path / "certificate"
    file.write_bytes(with_key(made, ""))
    with pytest.raises(AzureError) as caught:
        ask(signed_in(**WHO, ARM_CLIENT_CERTIFICATE_PATH=str(file)))
    assert (
        "AADSTS700027: The certificate with identifier used to sign the client "
        f"assertion is not registered on application. [Reason - {reason}"
    ) in caught.value.what


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param(
            with_key(certificate(), "hush"),
            "it is no certificate with its key, or its password is another",
            id="wrong-password",
        ),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_without_its_password(
    signed_in, tmp_path, content, reason
) -> None:
    file = tmp_path / "certificate"
    if content:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        signed_in(
            **WHO,
            ARM_CLIENT_CERTIFICATE_PATH=str(file),
            ARM_CLIENT_CERTIFICATE_PASSWORD="guessed",
        )
    assert str(caught.value) == (
        f"the client certificate {file} cannot be used: {reason}\n"
        "  fix: ARM_CLIENT_CERTIFICATE_PATH must name a PEM or PKCS12 file that holds "
        "certificate and private key, and ARM_CLIENT_CERTIFICATE_PASSWORD its password"
    )


def test_no_credential_is_an_error_before_anything_is_asked(signed_in) -> None:
    with pytest.raises(SettingsError) as caught:
        signed_in()
    assert str(caught.value) == (
        "no credential for Azure: none: no variable names one\n"
        "  fix: set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or another "
        "way of docs/azure.md; or install the Azure CLI and run az login; "
        "python -m release doctor tells what is considered"
    )


def looked(tmp_path: Path, **variables: str) -> dict[str, doctor.Check]:
    """Return what doctor says of credential and reach."""
    found = doctor.examine(
        tmp_path, "qa", options={}, variables={"PATH": "/nowhere", **variables}
    )
    topics = ("credential", "reach")
    return {check.name: check for check in found if check.topic in topics}


@pytest.mark.usefixtures("signed_in")
def test_doctor_signs_in_and_names_the_role_that_is_missing(
    azure, principal, issuer, tmp_path
) -> None:
    principal.put(**issuer.trusted())
    found = looked(tmp_path, **github(issuer))
    assert [check.fix for check in found.values()] == ["", "", ""]
    assert found["Azure Resource Manager"].found == f"{azure.endpoint.arm_url} answers"
    assert found["roles"].found == "all that a release needs"

    principal.put(**issuer.trusted(), owner=False)
    found = looked(tmp_path, **github(issuer))
    assert "roles" not in found
    assert found["role Storage Blob Data Contributor"].fix.startswith(
        "grant Storage Blob Data Contributor, or a role of your own as docs/azure.md "
        "lists it: az role assignment create --assignee CLIENT --role "
    )


@pytest.mark.usefixtures("signed_in")
def test_doctor_tells_a_sign_in_that_is_refused(tmp_path) -> None:
    found = looked(tmp_path, **WHO, ARM_CLIENT_SECRET="guessed")
    assert found["sign in"].found.startswith(
        f"reading the permissions at /subscriptions/{SUBSCRIPTION} failed: signing in "
        "was refused: Authentication failed: AADSTS7000215: Invalid client secret "
        "provided."
    )
