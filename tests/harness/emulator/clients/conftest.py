"""Send what a real client sent, and follow operations as it does."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

HERE = Path(__file__).parent
HOST = "management.azure.com"
PASSWORD = "Correct-Horse-9"
_POLL = re.compile(r"/(operations|operationStatuses|operationresults)/\{operation\}$")


def recorded(name: str) -> list[dict[str, Any]]:
    """Return the requests of a recording."""
    found: list[dict[str, Any]] = json.loads((HERE / f"{name}.json").read_text())[
        "requests"
    ]
    return found


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back for one recorded request."""

    asked: Mapping[str, Any]
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text) if self.text else None

    def __str__(self) -> str:
        return f"{self.asked['method']} {self.asked['path']}: {self.status} {self.text}"


@dataclass
class Client:
    """A client that goes by Azure's own name, and knows nothing but its recording.

    Requests are sent one by one as they are asked for, with their method, path, query
    and body as recorded; a poll goes where the last answer pointed.
    """

    azure: Any
    key: asyncssh.SSHKey
    token: str = ""
    _status_url: str = ""
    _fillings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        endpoint = self.azure.endpoint
        known = ("subscription", "tenant", "client_id", "client_secret")
        self._fillings = {name: endpoint[name] for name in known}
        self._fillings["ssh_key"] = self.key.export_public_key().decode().strip()
        self._fillings["password"] = PASSWORD

    def replay(self, name: str) -> Iterator[Answer]:
        """Send a recording; each status must be the recorded one."""
        before: Any = None
        for asked in recorded(name):
            body = asked.get("body")
            before = body if body not in ("the same", None) else before
            answer = self._send(asked, before if body else None)
            assert answer.status == asked["status"], answer
            yield answer

    def _send(self, asked: Mapping[str, Any], body: Any) -> Answer:
        path, query = self._filled(asked["path"]), asked["query"]
        if _POLL.search(asked["path"]):
            return self._poll(asked)
        headers = {"Host": HOST}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        text = None
        if body is not None and path.endswith("/oauth2/token"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            text = urllib.parse.urlencode(json.loads(self._filled(json.dumps(body))))
        elif body is not None:
            headers["Content-Type"] = "application/json"
            text = self._filled(json.dumps(body))
        answer = self._ask(asked, f"{path}?{query}", text, headers)
        for name in ("Azure-AsyncOperation", "Location"):
            if name in answer.headers:
                self._status_url = answer.headers[name]
                break
        return answer

    def _filled(self, text: str) -> str:
        for name, value in self._fillings.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _poll(self, asked: Mapping[str, Any]) -> Answer:
        """Ask where the last answer said, until the operation has ended."""
        found = urllib.parse.urlsplit(self._status_url)
        assert found.netloc == HOST, self._status_url
        headers = {"Host": HOST, "Authorization": f"Bearer {self.token}"}
        deadline = time.monotonic() + 30
        while True:
            where = f"{found.path}?{found.query}"
            answer = self._ask(asked, where, None, headers)
            running = (
                answer.status == 202
                or (answer.body or {}).get("status") == "InProgress"
            )
            if not running:
                return answer
            assert answer.headers["Retry-After"] == "1"
            assert time.monotonic() < deadline, answer

    def _ask(
        self,
        asked: Mapping[str, Any],
        where: str,
        text: str | None,
        headers: Mapping[str, str],
    ) -> Answer:
        arm = urllib.parse.urlsplit(self.azure.endpoint["arm"])
        trust = ssl.create_default_context(cafile=self.azure.endpoint["ca"])
        connection = http.client.HTTPSConnection(
            arm.hostname or "", arm.port, context=trust
        )
        try:
            connection.request(asked["method"], where, text, dict(headers))
            answer = connection.getresponse()
            return Answer(
                asked=asked,
                status=answer.status,
                headers=dict(answer.headers),
                text=answer.read().decode(),
            )
        finally:
            connection.close()


@pytest.fixture(scope="session")
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-rsa", key_size=2048)


@pytest.fixture
def client(azure: Any, key: asyncssh.SSHKey) -> Client:
    return Client(azure, key)
