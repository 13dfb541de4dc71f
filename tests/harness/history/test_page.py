"""The history page in a real browser, and what its files say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from release.history.entry import entry, newest_first
from release.history.page import AT_ONCE, page

ROOT = Path(__file__).parents[3]


@pytest.fixture
def write(tmp_path, noon):
    def written(records):
        path = tmp_path / "index.html"
        path.write_text(page(newest_first(entry(each) for each in records), noon))
        return path

    return written


def test_nothing_is_fetched_from_elsewhere(record, noon):
    text = page([entry(record(0))], noon)
    fetched = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', text)
    assert {url.partition(":")[0] for url in fetched} <= {"data"}
    assert "url(" not in text
    assert "@import" not in text


def test_text_is_escaped(record, noon):
    text = page([entry(record(0, verdict="failed", reason="GET /<b> failed"))], noon)
    assert "GET /&lt;b&gt; failed" in text
    assert "<b>" not in text


def test_an_archive_without_builds_has_a_page_too(noon):
    assert "No build yet." in page([], noon)


VISIBLE = """
return [...document.querySelectorAll("#builds tr")]
    .filter(row => row.checkVisibility())
    .map(row => row.dataset.text);
"""


def visible(browser):
    """Ask for all rows at once: each question to a browser takes its time."""
    return [text.split()[1] for text in browser.execute_script(VISIBLE)]


def test_builds_are_filtered_by_environment_verdict_and_commit(
    browser, write, record, rolled_back
):
    path = write(
        [
            record(0, commit="aaa111"),
            rolled_back(1, commit="bbb222"),
            record(2, environment="prod", commit="ccc333"),
        ]
    )
    browser.get(f"{path.as_uri()}#env=qa")
    assert visible(browser) == ["2026.1123.10000", "2026.1123.0"]
    shown = browser.find_elements("css selector", "section.environment")
    assert [
        each.get_attribute("data-env") for each in shown if each.is_displayed()
    ] == ["qa"]
    browser.get(f"{path.as_uri()}#verdict=failed")
    assert visible(browser) == ["2026.1123.10000"]
    browser.find_element("css selector", "button[type=reset]").click()
    browser.find_element("name", "q").send_keys("CCC3")
    assert visible(browser) == ["2026.1123.20000"]
    assert browser.current_url.endswith("#q=ccc3")
    assert browser.find_element("id", "found").text == "1 of 1 shown, newest first"
    browser.find_element("name", "q").send_keys("nothing")
    assert browser.find_element("id", "found").text == "No build is like that."


def test_many_builds_come_when_asked_for(browser, write, record):
    browser.get(write([record(hour) for hour in range(AT_ONCE + 5)]).as_uri())
    assert len(visible(browser)) == AT_ONCE
    more = browser.find_element("id", "more")
    more.click()
    assert len(visible(browser)) == AT_ONCE + 5
    assert not more.is_displayed()


# --- python -m release history ------------------------------------------------------


def history(folder, *options):
    return subprocess.run(
        [sys.executable, "-m", "release", "history", *options],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def archive(tmp_path, record, rolled_back):
    for each in (record(0), rolled_back(1), record(2, environment="prod")):
        folder = tmp_path / "reports" / each["environment"] / each["build"]
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(json.dumps(each))
    return tmp_path


def test_the_history_is_told_in_the_terminal(archive):
    done = history(archive, "--env", "qa")
    assert done.returncode == 0, done.stderr
    assert (
        "Build 2026.1123.0 of commit commit-of-2026.1123.0 is live since "
        "2026-11-23 12:00:30 UTC."
    ) in done.stdout
    assert "Change failure rate" in done.stdout
    assert "Duration of a release, by stage" in done.stdout
    assert done.stdout.endswith("2 builds\n")
    assert "2026.1123.20000" not in done.stdout


def test_the_history_is_told_to_machines(archive):
    found = json.loads(history(archive, "--json", "--verdict", "failed").stdout)
    assert [each["build"] for each in found["builds"]] == ["2026.1123.10000"]
    assert found["environments"]["prod"]["live"]["build"] == "2026.1123.20000"
    assert [each["name"] for each in found["environments"]["qa"]["delivery"]] == [
        "Deployment frequency",
        "Lead time",
        "Change failure rate",
        "Time to restore",
    ]


def test_builds_of_a_commit_are_found(archive):
    found = json.loads(
        history(archive, "--json", "--commit", "commit-of-2026.1123.2").stdout
    )
    assert [each["build"] for each in found["builds"]] == ["2026.1123.20000"]


def test_an_archive_without_the_environment_says_so(archive):
    done = history(archive, "--env", "staging")
    assert done.returncode == 4
    assert done.stderr == (
        f"no build of environment staging is archived in {archive / 'reports'}\n"
        "  fix: a release archives itself when it ends: pytest --env NAME\n"
    )


def test_a_record_that_cannot_be_read_is_told(archive):
    (archive / "reports" / "qa" / "2026.1123.0" / "release.json").write_text("{")
    done = history(archive)
    assert done.returncode == 1
    assert done.stderr == (
        "left out: qa/2026.1123.0, whose release.json cannot be read\n"
    )


def test_the_index_is_written_anew_on_request(archive):
    done = history(archive, "--renew")
    assert done.stdout == f"written: {archive / 'reports' / 'index.html'}\n"
    assert "2026.1123.20000" in (archive / "reports" / "index.html").read_text()
