import json
import urllib.error
import urllib.request

import pytest


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.essential
def test_the_page_answers(site):
    status, _ = fetch(site.url + "/")
    assert status == 200, f"GET / answered {status}"


@pytest.mark.essential
def test_the_build_is_the_released_one(site):
    _, body = fetch(site.url + "/healthz")
    assert json.loads(body)["build"] == site.build


def test_the_page_has_a_heading(site):
    assert "<h1>" in fetch(site.url + "/")[1]
