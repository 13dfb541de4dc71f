"""What is taken out of texts, and what is left as it is."""

import json
import subprocess
import sys
import urllib.parse

import pytest

from release.errors import AzureError
from release.redaction import HIDDEN, Lines, redact, redact_all, redact_files
from release.settings import catalogue
from release.settings.model import Secret

KEY = "A" * 85 + "/=="
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJoZXJlIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"

UNCAUGHT = """
import os, threading, warnings
from release.redaction import conceal_python
def fail():
    raise ValueError(os.environ["SHOP_PASSWORD"] + " is wrong")
conceal_python()
thread = threading.Thread(target=fail)
thread.start()
thread.join()
warnings.warn(os.environ["SHOP_PASSWORD"])
fail()
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "GET https://a.blob.core.windows.net/c/b?sp=r&sig=aB%2F9%3D&se=2026",
            "GET https://a.blob.core.windows.net/c/b?sp=r&sig=***&se=2026",
            id="shared-access",
        ),
        pytest.param(
            f"AccountName=shop;AccountKey={KEY};EndpointSuffix=core.windows.net",
            "AccountName=shop;AccountKey=***;EndpointSuffix=core.windows.net",
            id="connection-string",
        ),
        pytest.param(f"the key {KEY} of shop", "the key *** of shop", id="bare-key"),
        pytest.param(
            f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***", id="bearer"
        ),
        pytest.param(f"got {TOKEN}.", "got ***.", id="token"),
        pytest.param(f"key:\n{PEM}\ndone", "key:\n***\ndone", id="private-key"),
        pytest.param(PEM[:40], "***", id="half-a-private-key"),
        pytest.param(json.dumps(PEM), '"***"', id="private-key-in-json"),
        pytest.param(
            "postgres://shop:hush-hush@db/shop",
            "postgres://shop:***@db/shop",
            id="address",
        ),
        pytest.param(
            'client_id=1&client_secret=abc {"access_token": "abc"}',
            'client_id=1&client_secret=*** {"access_token": "***"}',
            id="named",
        ),
        pytest.param(
            f"?SIG=abc PASSWORD%3Dabc BEARER {TOKEN}",
            "?SIG=*** PASSWORD%3D*** BEARER ***",
            id="capitals",
        ),
        pytest.param(
            f"?sig%3Dabc&k={urllib.parse.quote(KEY, safe='')}",
            "?sig%3D***&k=***",
            id="percent-encoded",
        ),
        *(
            pytest.param(text, text, id=text[:12])
            for text in (
                "config=on, design=new",
                "sha512-" + KEY,
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8 release",
                "Bearer token authentication is not permitted",
                "http://127.0.0.1:8080/user@host",
                "/subscriptions/22222222-2222-2222-2222-222222222222",
            )
        ),
    ],
)
def test_secrets_are_known_by_their_shape(text, expected):
    assert redact(text, {}) == expected


@pytest.mark.parametrize(
    "written",
    [
        'p"ss <w> & 1',
        json.dumps('p"ss <w> & 1')[1:-1],
        "p&quot;ss &lt;w&gt; &amp; 1",
        "p%22ss%20%3Cw%3E%20%26%201",
        "p%22ss+%3Cw%3E+%26+1",
        "p%22ss%20%3Cw%3E%20&%201",
        "cCJzcyA8dz4gJiAx",
    ],
)
def test_a_known_secret_is_found_however_it_is_written(written):
    variables = {"ADMIN_PASSWORD": 'p"ss <w> & 1', "PATH": "said", "X_TOKEN": "said"}
    assert redact(f"said {written}!", variables) == f"said {HIDDEN}!"


def test_every_secret_setting_has_a_name_that_says_so():
    settings = (*catalogue.account_settings(), *catalogue.environment_settings())
    names = [
        name
        for setting in settings
        if setting.kind is Secret
        for name in setting.variables
    ]
    assert "ARM_CLIENT_SECRET" in names
    for name in names:
        assert redact("hush-hush", {name: "hush-hush"}) == HIDDEN, name


def test_json_keeps_its_shape():
    given = {"a": ["?sig=abc", 1, None], "b": {"c": (True, "x")}}
    assert redact_all(given, {}) == {
        "a": ["?sig=***", 1, None],
        "b": {"c": [True, "x"]},
    }


def test_lines_of_a_private_key_are_hidden_one_by_one():
    lines = Lines()
    shown = [lines.redact(line) for line in ("before", *PEM.splitlines(), "after")]
    assert shown == ["before", HIDDEN, HIDDEN, HIDDEN, HIDDEN, "after"]


def test_lines_of_a_child_hide_what_its_own_environment_says():
    lines = Lines({"PKR_VAR_client_secret": "hush-hush", "SHORT_TOKEN": "abc"})
    assert lines.redact("say hush-hush to abc") == "say *** to abc"


def test_what_python_itself_prints_holds_no_secret():
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT],
        env={"SHOP_PASSWORD": "hush-hush"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.count("ValueError: *** is wrong") == 2
    assert "UserWarning: ***" in done.stderr
    assert "hush-hush" not in done.stderr


def test_an_error_holds_no_secret_from_the_start():
    error = AzureError("GET /b?sig=abc failed", fix="ask for ?sig=abc", code="Denied")
    assert str(error) == "GET /b?sig=*** failed\n  fix: ask for ?sig=***"
    assert error.args == ("GET /b?sig=*** failed",)


def test_files_are_redacted_and_others_left_alone(tmp_path):
    (tmp_path / "logs").mkdir()
    log, image = tmp_path / "logs" / "driver.log", tmp_path / "page.png"
    log.write_bytes(b"\xff ?sig=abc")
    image.write_bytes(b"\x89PNG\r\n\0?sig=abc")
    histograms = tmp_path / "latency.hlog"
    histograms.write_bytes(b"Tag=GET_/?sig=abc,0,1\r\n")
    (tmp_path / "clean.json").write_text("{}")
    assert redact_files(tmp_path, {}) == [histograms, log]
    assert histograms.read_bytes() == b"Tag=GET_/?sig=***,0,1\r\n"
    assert log.read_bytes() == b"\xff ?sig=***"
    assert image.read_bytes() == b"\x89PNG\r\n\0?sig=abc"
