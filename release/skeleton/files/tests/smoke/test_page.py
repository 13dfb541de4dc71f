"""What must work before users see a build."""

import json
import urllib.request

import pytest
from release.fixtures import Site
from release.load import Gate
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver


@pytest.mark.essential
def test_the_page_is_there(browser: WebDriver, site: Site) -> None:
    browser.get(site.url)
    assert browser.find_element(By.TAG_NAME, "h1").text == "myservice works"


@pytest.mark.essential
def test_the_build_is_the_one_released(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/healthz", timeout=10) as answer:
        assert json.load(answer)["build"] == site.build


def test_the_page_loads_in_time(page_load: Gate) -> None:
    assert page_load.outcome == "passed", page_load.text
