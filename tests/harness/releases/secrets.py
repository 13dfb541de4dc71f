"""Known secrets, put where a release could find them, and the search for them."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

PRIVATE_KEY = (
    # Quickly made, as it is by whoever collects tests.
    ec.generate_private_key(ec.SECP521R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    .decode()
)
STORAGE_KEY = "Zm9vYmFy" * 10 + "Zm9vYg=="
ENVIRONMENT = {
    "ARM_CLIENT_SECRET": "arm-secret~Q8",
    "AZURE_CLIENT_SECRET": "azure-secret.Q8",
    "ARM_CLIENT_CERTIFICATE_PASSWORD": "certificate&password",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "github-request-token",
    "SYSTEM_ACCESSTOKEN": "pipelines-access-token",
    "ADMIN_PASSWORD": 'Admin"Password<1>',
    "RELEASE_ADMIN_PASSWORD": "Release'Password<2>",
    "SHOP_STORAGE_KEY": STORAGE_KEY,
    "SSH_PRIVATE_KEY": PRIVATE_KEY,
}
SIGNATURE = "aGVyZSBpcyBhIHNpZ25hdHVyZQ%3D%3D"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJoZXJlIn0.dGhpcyBpcyBub25l"
SHOWN = (
    f"https://shop.blob.core.windows.net/release/log?sp=racw&sig={SIGNATURE}",
    f"Authorization: Bearer {TOKEN}",
    f"AccountName=shop;AccountKey={STORAGE_KEY};EndpointSuffix=core.windows.net",
)
"""What nobody told of before, and is known by its shape only."""

FAILING_TEST = """
import os
from xml.sax.saxutils import escape


def test_that_shows_secrets(site, record_property):
    for name in {names!r}:
        print(os.environ[name])
        print(repr(os.environ[name]), escape(os.environ[name]))
        record_property(name, os.environ[name])
    raise RuntimeError("\\n".join([*{shown!r}, *map(os.environ.get, {names!r})]))
"""

BROWSER_TEST = """
import os
from urllib.parse import quote


def test_a_page_that_shows_secrets(browser, site):
    shown = [*{shown!r}, *map(os.environ.get, {names!r})]
    parts = "&".join("p=" + quote(text, safe="!'()*") for text in shown[1:-1])
    browser.get(site.url + "/?" + parts)
    browser.execute_script(
        "history.pushState(0, '', '#' + arguments[0].join('~'));"
        "document.body.textContent = arguments[0].join(' ');"
        "document.body.dataset.all = JSON.stringify(arguments[0]);"
        "const link = document.createElement('a');"
        "link.href = '/?q=' + arguments[0][3]; document.body.append(link);"
        "for (const text of arguments[0]) console.error(text, encodeURI(text));",
        shown,
    )
    assert browser.title == " ".join(shown), browser.current_url
"""
LOCUSTFILE = """
import logging, os
from locust import FastHttpUser, constant, task

SHOWN = [*{shown!r}, *map(os.environ.get, {names!r})]
print("\\n".join(SHOWN))


class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def page(self):
        self.client.get("/", name="GET /")

    @task
    def secret(self):
        for text in SHOWN:
            name = "GET /?p=" + text
            with self.client.get("/", name=name, catch_response=True) as answer:
                answer.failure("refused " + text)
        logging.error("%s", SHOWN)
        raise ValueError(SHOWN)
"""


def failing_test() -> str:
    """Return a test that fails, and shows all secrets in every way that it can."""
    return FAILING_TEST.format(names=list(ENVIRONMENT), shown=list(SHOWN))


def browser_test() -> str:
    """Return a test whose page, address and console show all secrets as it fails."""
    return BROWSER_TEST.format(names=list(ENVIRONMENT), shown=list(SHOWN))


def locustfile() -> str:
    """Return a load whose names, errors, exceptions and log show all secrets."""
    return LOCUSTFILE.format(names=list(ENVIRONMENT), shown=list(SHOWN))


def printing_script() -> str:
    """Return shell commands that print all secrets."""
    lines = [*SHOWN, *ENVIRONMENT.values()]
    texts = "\n".join(lines)
    return f"cat <<'PRINTED'\n{texts}\nPRINTED\n"


def found_in(text: str) -> list[str]:
    """Return the secrets that a text shows."""
    wanted = [*ENVIRONMENT.values(), SIGNATURE, TOKEN, STORAGE_KEY]
    wanted += [line for line in PRIVATE_KEY.splitlines() if len(line) > 20]
    shapes = [r"sig=[A-Za-z0-9%+/]{10,}", r"eyJ[\w-]{8,}\.[\w-]{8,}\.", r"BEGIN RSA"]
    return [
        *(secret for secret in wanted if secret in text),
        *(match for shape in shapes for match in re.findall(shape, text)),
    ]


def found_below(*folders: Path) -> dict[str, list[str]]:
    """Return the secrets in all files below folders; the emulator's store left out.

    Of that only its log counts: it is an Azure, and keeps what it is given.
    """
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            stored = "emulator" in path.parts and path.suffix != ".log"
            if path.is_file() and not stored and ".payload" not in path.name:
                text = path.read_bytes().decode("utf-8", "replace")
                if secrets := found_in(text):
                    found[str(path)] = secrets
    return found


class CommandLines:
    """Reads the arguments of all processes, over and over."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.looks = 0
        self.found: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = path.read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue
                self.found += found_in(text)
