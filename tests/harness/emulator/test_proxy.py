"""The CONNECT proxy: Azure's names are answered here, all others nowhere."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import ContainerClient

GROUP = "behind-the-proxy"


class Client:
    """A client that knows Azure's names only."""

    def __init__(self, azure: Any) -> None:
        self.azure = azure
        self.proxy = urlsplit(azure.endpoint["proxy"])
        self.context = ssl.create_default_context(cafile=azure.endpoint["ca"])

    def ask(
        self, method: str, url: str, body: Any = None, *, token: bool = True
    ) -> tuple[int, dict[str, str], Any]:
        found = urlsplit(url)
        connection = http.client.HTTPSConnection(
            self.proxy.hostname or "", self.proxy.port, context=self.context
        )
        connection.set_tunnel(found.hostname or "", 443)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {self.azure.token().token}"
        path = f"{found.path}?{found.query}"
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        return answer.status, dict(answer.headers), json.loads(data or b"null")


@pytest.fixture(scope="module")
def client(azure: Any) -> Client:
    return Client(azure)


def _group(client: Client, host: str) -> str:
    subscription = client.azure.endpoint["subscription"]
    return (
        f"https://{host}/subscriptions/{subscription}/resourceGroups/{GROUP}"
        "?api-version=2021-04-01"
    )


@pytest.mark.parametrize(
    "host",
    [
        "management.azure.com",
        "management.usgovcloudapi.net",
        "management.chinacloudapi.cn",
    ],
)
def test_what_is_answered_by_a_name_leads_back_to_that_name(
    client: Client, host: str
) -> None:
    status, _, body = client.ask("PUT", _group(client, host), {"location": "westus2"})
    assert (status in (200, 201), body["name"]) == (True, GROUP)
    status, headers, _ = client.ask("DELETE", _group(client, host))
    assert (status, urlsplit(headers["Location"]).netloc) == (202, host)
    assert client.ask("GET", headers["Location"])[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "login.microsoftonline.com",
        "login.windows.net",
        "login.microsoftonline.us",
        "login.chinacloudapi.cn",
    ],
)
def test_the_authorities_of_all_clouds_issue_tokens_here(
    client: Client, host: str
) -> None:
    tenant = client.azure.endpoint["tenant"]
    status, _, body = client.ask(
        "GET", f"https://{host}/{tenant}/v2.0/.well-known/openid-configuration"
    )
    assert status == 200
    assert body["token_endpoint"] == f"https://{host}/{tenant}/oauth2/v2.0/token"


@pytest.mark.parametrize(
    "host",
    [
        "graph.microsoft.com",
        "graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    ],
)
def test_the_graphs_of_all_clouds_know_the_principals_here(
    client: Client, host: str
) -> None:
    status, _, body = client.ask("GET", f"https://{host}/v1.0/servicePrincipals")
    assert status == 200
    assert client.azure.endpoint["client_id"] in [one["appId"] for one in body["value"]]


@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("management.azure.com", "blob.core.windows.net"),
        ("management.usgovcloudapi.net", "blob.core.usgovcloudapi.net"),
        ("management.chinacloudapi.cn", "blob.core.chinacloudapi.cn"),
    ],
)
def test_an_account_has_its_endpoint_in_the_clients_own_cloud(
    client: Client, host: str, suffix: str
) -> None:
    client.ask("PUT", _group(client, host), {"location": "westus2"})
    account = _group(client, host).replace(
        "?", "/providers/Microsoft.Storage/storageAccounts/proxied?"
    )
    client.ask(
        "PUT",
        account,
        {"location": "westus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
    )
    _, _, shown = client.ask("GET", account)
    endpoint = shown["properties"]["primaryEndpoints"]["blob"]
    assert endpoint == f"https://proxied.{suffix}/"
    keys = client.ask("POST", account.replace("?", "/listKeys?"))[2]["keys"]
    with ContainerClient(
        endpoint,
        "things",
        credential=keys[0]["value"],
        connection_verify=client.azure.endpoint["ca"],
        proxies={"https": client.azure.endpoint["proxy"]},
    ) as container:
        if not container.exists():
            container.create_container()
        container.upload_blob("greeting", b"hello", overwrite=True)
        assert container.download_blob("greeting").readall() == b"hello"


def _said(client: Client, request: bytes) -> str:
    with socket.create_connection((client.proxy.hostname, client.proxy.port)) as wire:
        wire.sendall(request + b"\r\n\r\n")
        answer = b""
        while data := wire.recv(1 << 16):
            answer += data
    return answer.decode()


@pytest.mark.parametrize(
    ("request_line", "what"),
    [
        pytest.param(
            "CONNECT example.com:443 HTTP/1.1", "CONNECT example.com:443", id="other"
        ),
        pytest.param(
            "CONNECT evil-management.azure.com:443 HTTP/1.1",
            "CONNECT evil-management.azure.com:443",
            id="longer-name",
        ),
        pytest.param(
            "CONNECT a.b.blob.core.windows.net:443 HTTP/1.1",
            "CONNECT a.b.blob.core.windows.net:443",
            id="deeper-name",
        ),
        pytest.param(
            "CONNECT management.azure.com:80 HTTP/1.1",
            "CONNECT management.azure.com:80",
            id="another-port",
        ),
        pytest.param(
            "GET http://management.azure.com/ HTTP/1.1",
            "GET http://management.azure.com/",
            id="without-a-tunnel",
        ),
    ],
)
def test_every_other_host_is_refused(
    client: Client, request_line: str, what: str
) -> None:
    head, _, text = _said(client, request_line.encode()).partition("\r\n\r\n")
    assert head.splitlines()[0] == "HTTP/1.1 403 Forbidden"
    assert text == (
        f"{what}: this proxy answers Azure's names only, at port 443: "
        "management.azure.com, management.core.windows.net, "
        "management.usgovcloudapi.net, management.core.usgovcloudapi.net, "
        "management.chinacloudapi.cn, management.core.chinacloudapi.cn, "
        "login.microsoftonline.com, login.windows.net, login.microsoftonline.us, "
        "login.chinacloudapi.cn, login.partner.microsoftonline.cn, "
        "graph.microsoft.com, graph.microsoft.us, microsoftgraph.chinacloudapi.cn, "
        "*.blob.core.windows.net, *.blob.core.usgovcloudapi.net, "
        "*.blob.core.chinacloudapi.cn. Unset HTTPS_PROXY, or name the host in "
        "NO_PROXY.\n"
    )


def test_nonsense_is_not_answered(client: Client) -> None:
    assert _said(client, b"\x16\x03\x01nonsense") == ""


def test_a_head_without_end_is_not_answered(client: Client) -> None:
    where = (client.proxy.hostname, client.proxy.port)
    with socket.create_connection(where, timeout=10) as wire:
        wire.sendall(b"x" * 70_000)
        try:
            answer = wire.recv(1)
        except ConnectionResetError:
            answer = b""
    assert answer == b""
