"""Every path that the embedded Azure knows, asked in ways that no SDK asks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.emulator.wire.conftest import VERSION, Stranger

QUERIES = (
    "api-version=nope",
    "api-version=",
    f"{VERSION}&$top=x",
    f"{VERSION}&$top=-1",
    f"{VERSION}&$skiptoken=x",
    f"{VERSION}&$skiptoken=%00",
    f"{VERSION}&$top=1",
    f"{VERSION}&$filter=nonsense(&$expand=nonsense&$orderby=nonsense",
    f"{VERSION}&since=x&&&%%",
)
ENDS = ("/", "/%F0%9F%98%80", "/%00", "/..%2f..", "%2Fx", "/" + "y" * 3000)
HEADERS = (
    {"Accept_Encoding": "gzip"},
    {"If_None_Match": "*", "If_Match": '"nope"'},
    {"Accept": "text/html", "x_ms_correlation_request_id": "x" * 200},
)


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.matrix)])
def every(request: pytest.FixtureRequest) -> int:
    """Of so many requests one is sent; the full table is slow."""
    return 29 if request.param == "some" else 1


def test_no_path_breaks_whatever_is_asked_of_it(stranger: Stranger, every: int) -> None:
    asked = [
        *((query, "") for query in QUERIES),
        *((VERSION, end) for end in ENDS),
    ]
    number = 0
    for path in stranger.paths():
        variants = [f"{path}{end}?{query}" for query, end in asked]
        variants += [f"{path.upper()}?{VERSION}", f"{path.lower()}?{VERSION}", path]
        for variant in variants:
            number += 1
            if number % every == 0:
                stranger.ask("GET", variant)
        stranger.ask("GET", f"{path}?{VERSION}", **HEADERS[number % len(HEADERS)])
    assert stranger.wrong == []


def test_every_path_refuses_a_method_that_it_has_not(stranger: Stranger) -> None:
    found = {
        (answer.status_code, answer.json()["error"]["code"])
        for path in stranger.paths()
        if not path.startswith("/subscriptions/nope")
        for answer in [stranger.ask("OPTIONS", f"{path}?{VERSION}")]
    }
    assert found == {(405, "MethodNotAllowed")}
    assert stranger.wrong == []


def test_a_head_says_what_a_get_would(stranger: Stranger) -> None:
    differing = [
        path
        for path in stranger.paths()
        if (stranger.ask("HEAD", f"{path}?{VERSION}").status_code < 400)
        != (stranger.ask("GET", f"{path}?{VERSION}").status_code < 400)
    ]
    assert differing == []


def test_every_path_asks_for_a_version(stranger: Stranger) -> None:
    found = {
        (answer.status_code, answer.json()["error"]["code"])
        for path in stranger.paths()
        for answer in [stranger.ask("GET", path)]
    }
    assert found == {(400, "MissingApiVersionParameter")}


def at(stranger: Stranger, tail: str) -> str:
    return f"{stranger.azure.scope}/resourceGroups/every{tail}?{VERSION}"


VMS = "/providers/Microsoft.Compute/virtualMachines"


@pytest.mark.parametrize(
    ("method", "tail", "status", "said"),
    [
        pytest.param(
            "POST",
            VMS,
            405,
            "MethodNotAllowed: The HTTP method 'POST' is not supported on the "
            "resource '{path}'.",
            id="a-list",
        ),
        pytest.param(
            "GET",
            f"{VMS}/vm/deallocate",
            405,
            "MethodNotAllowed: The HTTP method 'GET' is not supported on the "
            "resource '{path}'.",
            id="an-action",
        ),
        pytest.param(
            "PUT",
            "/providers/Microsoft.Network/loadBalancers/lb/probes/p",
            405,
            "MethodNotAllowed: The HTTP method 'PUT' is not supported on the "
            "resource '{path}'.",
            id="a-part",
        ),
        pytest.param(
            "GET",
            f"{VMS}/nobody",
            404,
            "ResourceNotFound: The Resource "
            "'Microsoft.Compute/virtualMachines/nobody' under resource group "
            "'every' was not found. For more details please go to "
            "https://aka.ms/ARMResourceNotFoundFix",
            id="no-resource",
        ),
        pytest.param(
            "GET",
            "-not",
            404,
            "ResourceGroupNotFound: Resource group 'every-not' could not be found.",
            id="no-group",
        ),
        pytest.param(
            "GET",
            "/providers/Microsoft.Compute/virtualMachine/vm",
            404,
            "InvalidResourceType: The resource type 'virtualMachine' could not be "
            "found in the namespace 'Microsoft.Compute'. Did you mean "
            "'Microsoft.Compute/virtualMachines'? This embedded Azure has ",
            id="no-type",
        ),
        pytest.param(
            "GET",
            f"{VMS}?$top=ten&x=",
            400,
            "InvalidParameter: The value 'ten' of parameter '$top' is invalid: "
            "expected a whole number from 1.",
            id="no-number",
        ),
        pytest.param(
            "GET",
            f"{VMS}?$skiptoken=-1&x=",
            400,
            "InvalidParameter: The value '-1' of parameter '$skiptoken' is "
            "invalid: expected a whole number from 0.",
            id="no-token",
        ),
    ],
)
def test_what_is_wrong_is_told(
    stranger: Stranger, method: str, tail: str, status: int, said: str
) -> None:
    path = at(stranger, tail)
    answer = stranger.ask(method, path.replace("x=?", ""), {})
    error = answer.json()["error"]
    expected = said.replace("{path}", path.partition("?")[0])
    told = f"{error['code']}: {error['message']}"
    assert (answer.status_code, told[: len(expected)]) == (status, expected)


def test_a_405_names_the_methods_that_there_are(stranger: Stranger) -> None:
    answer = stranger.ask("GET", at(stranger, f"{VMS}/vm/runCommand"))
    assert answer.headers["Allow"] == "POST"


def test_names_are_found_in_any_case_and_percent_encoded(stranger: Stranger) -> None:
    group = "/resourceGroups/every"
    plain = stranger.ask("GET", at(stranger, f"{VMS}/vm")).json()
    odd = at(stranger, f"{VMS}/%76m").replace(group, "/RESOURCEGROUPS/Every")
    assert stranger.ask("GET", odd.replace("Compute", "COMPUTE")).json() == plain


def test_an_operation_is_asked_for_in_the_region_of_its_resource(
    stranger: Stranger,
) -> None:
    azure = stranger.azure
    azure.resources.resource_groups.create_or_update("north", {"location": "eastus"})
    disk = f"{azure.scope}/resourceGroups/north/providers/Microsoft.Compute/disks/d"
    body = {
        "location": "northeurope",
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
    }
    made = stranger.ask("PUT", f"{disk}?{VERSION}", body)
    assert "/locations/northeurope/" in made.headers["Azure-AsyncOperation"]
    gone = stranger.ask("DELETE", f"{disk}?{VERSION}")
    where = (gone.headers["Azure-AsyncOperation"], gone.headers["Location"])
    assert all("/locations/northeurope/" in url for url in where)
    assert gone.headers["Retry-After"] == "1"
    azure.resources.resource_groups.begin_delete("north").result()


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "AuthenticationFailed"),
        ("Basic eDp5", "AuthenticationFailed"),
        ("Bearer", "AuthenticationFailed"),
        ("Bearer nothing", "InvalidAuthenticationToken"),
        ("Bearer a.b.c", "InvalidAuthenticationToken"),
        ("Bearer \xe9", "InvalidAuthenticationToken"),
    ],
)
def test_a_token_comes_before_all_else(
    stranger: Stranger, header: str, code: str
) -> None:
    path = at(stranger, f"{VMS}/vm")
    answer = stranger.ask("PUT", path, b"{", Authorization=header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    assert stranger.wrong == []


def test_another_tenant_is_not_there(stranger: Stranger) -> None:
    form: dict[str, Any] = {
        "grant_type": "client_credentials",
        "client_id": stranger.azure.endpoint["client_id"],
        "client_secret": stranger.azure.endpoint["client_secret"],
    }
    answer = stranger.session.post(
        f"{stranger.azure.endpoint['arm']}/contoso.example/oauth2/v2.0/token",
        data=form,
        verify=stranger.azure.endpoint["ca"],
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["error_description"] == (
        "AADSTS90002: Tenant 'contoso.example' not found. Check to make sure you have "
        "the correct tenant ID and are signing into the correct cloud."
    )
