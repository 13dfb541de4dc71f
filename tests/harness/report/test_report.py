import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from release import browser
from release.errors import SettingsError
from release.report import record
from release.report.html import REPAIRS, STYLE, finish, summary
from release.report.top import headline

UNFOLD = "document.querySelectorAll('details').forEach(it => it.open = true)"
RECORD = {
    "schema": 1,
    "build": "2026.1123.113205",
    "attached": False,
    "environment": "qa",
    "cloud": "azure",
    "service": "web",
    "commit": "abc1234",
    "verdict": "failed",
    "reason": "test_page: GET /<b> answered 500",
    "started_at": "2026-11-23T11:32:05+00:00",
    "finished_at": "2026-11-23T11:33:05+00:00",
    "duration_s": 60.0,
    "stages": [
        {
            "name": "bake",
            "started_s": 1.0,
            "duration_s": 30.0,
            "outcome": "passed",
            "error": "",
        }
    ],
    "image": None,
    "previous": None,
    "deployment": None,
    "gates": [],
    "load": None,
    "rollback": {"text": "The previous build 41 is back and proved."},
    "tests": [],
    "output": [{"stage": "bake", "line": "a <line>"}],
    "progress": [{"at_s": 1.0, "stage": "bake", "text": "packing"}],
    "settings": [{"path": "location", "value": "westeurope", "source": "default"}],
    "tools": {"python": "3.11"},
}


def test_the_verdict_is_one_sentence_with_its_reason_and_what_came_back():
    assert headline(RECORD) == (
        "Failed: test_page: GET /<b> answered 500. The previous build 41 is back "
        "and proved."
    )


def test_text_is_escaped_in_the_page():
    page = summary(RECORD, {})
    assert "GET /&lt;b&gt; answered 500" in page
    assert "a &lt;line&gt;" in page
    assert "<b>" not in page


def test_a_build_that_made_nothing_says_so():
    page = summary(RECORD, {})
    for said in ("No image came", "was not deployed", "No load was sent"):
        assert said in page


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page that pytest-html has written."""
    folder = tmp_path_factory.mktemp("html")
    (folder / "test_one.py").write_text("def test_one(): assert True\n")
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:locust")
    subprocess.run(
        [sys.executable, "-m", *command, "--html=a.html", "--self-contained-html"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return (folder / "a.html").read_text()


@pytest.mark.parametrize(("old", "new"), REPAIRS)
def test_what_is_repaired_in_pytest_htmls_page_is_there(page, old, new):
    assert old in page
    done = finish(page, title="passed: 41")
    assert old not in done
    assert new in done


def test_the_tab_says_how_the_build_ended(page):
    done = finish(page, title="passed: 41 & <more>")
    assert '<title id="head-title">passed: 41 &amp; &lt;more&gt;</title>' in done
    assert done.count("<title") == 1


def test_nothing_is_fetched_from_elsewhere(page):
    done = finish(page, title="") + summary(RECORD, {})
    fetched = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', done)
    assert {url.partition(":")[0] for url in fetched} <= {"data"}
    assert "url(" not in done
    assert "@import" not in done


def test_a_report_can_be_read_and_steered_by_everybody(page, tmp_path):
    made = tmp_path / "report.html"
    style = f"<style>{STYLE.read_text()}</style>"
    shown = summary(RECORD | {"preflight": PREFLIGHT}, {})
    done = finish(page, title="failed: 41").replace("<h2>Summary</h2>", shown)
    made.write_text(done.replace("</head>", f"{style}</head>"))
    with browser.started(browser.Kind.CHROME) as driver:
        driver.get(made.as_uri())
        driver.find_element("id", "log-search").send_keys("a <line>")
        found = driver.find_element("id", "log-found").text
        logs = driver.find_elements("css selector", ".searched[open]")
        driver.execute_script(UNFOLD)
        wrong = browser.violations(driver)
    assert (found, len(logs)) == ("1 line", 1)
    assert wrong == []


PREFLIGHT = {
    "duration_s": 0.21,
    "summary": "1 stop and 1 warning",
    "findings": [
        {
            "what": "core quota",
            "where": "Total Regional vCPUs in westeurope",
            "limit": "5",
            "actual": "4 used, 2 more needed (builder 2)",
            "fix": "ask for <more>",
            "severity": "stops",
        },
        {
            "what": "deployment",
            "where": "qa/release-1",
            "limit": "ended",
            "actual": "it is still running",
            "fix": "wait for it",
            "severity": "warns",
        },
    ],
    "image": "42 of shop/web, baked by build 42, passed in qa with its build 43",
    "what_if": {
        "note": "image 41, which runs now, stands in for the one to come",
        "summary": "1 to modify",
        "lines": ["~ virtualMachineScaleSets/web: tags.release-build"],
        "changes": [
            {
                "resourceId": "/subscriptions/1/resourceGroups/qa/providers/"
                "Microsoft.Compute/virtualMachineScaleSets/web",
                "changeType": "Modify",
                "delta": [
                    {
                        "path": "tags.release-build",
                        "propertyChangeType": "Modify",
                        "before": "41",
                        "after": "42",
                    }
                ],
            }
        ],
    },
}


def test_a_preflight_is_shown_with_its_findings_and_the_what_if():
    page = " ".join(summary(RECORD | {"preflight": PREFLIGHT}, {}).split())
    for said in (
        "1 stop and 1 warning, looked at in 0.21 s before anything was created.",
        "4 used, 2 more needed (builder 2); limit: 5",
        "ask for &lt;more&gt;",
        "What was to change in Azure",
        "The image to release, as it was seen ahead: 42 of shop/web, baked by build",
        (
            "1 to modify, as Azure's what-if told before anything was touched; "
            "image 41, which runs now, stands in for the one to come."
        ),
        "<code>tags.release-build</code>",
    ):
        assert said in page


def test_a_record_from_before_there_was_a_preflight_shows_none():
    assert "Preflight" not in summary(RECORD, {})
    assert "Preflight" not in summary(RECORD | {"preflight": None}, {})


def test_a_what_if_that_could_not_be_had_says_so():
    page = summary(RECORD | {"preflight": PREFLIGHT | {"what_if": None}}, {})
    assert "What the deployment would change could not be told." in page


def test_a_release_that_was_refused_says_why_and_nothing_of_what_never_was():
    refused = record.refused(
        build="2026.1123.1",
        environment="qa",
        service="web",
        commit="",
        who="weaver@loom",
        error=SettingsError("release.toml has 2 problems:\n  a\n  b", fix="-"),
        at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    page = summary(refused, {})
    assert "Failed: release.toml has 2 problems: a (and 1 more)." in page
    assert "weaver@loom" in page
    for never in ("Rollout", "Smoke tests", "No load", "Tests"):
        assert never not in page
