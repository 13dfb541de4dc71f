"""The short form of a build, for people, CI systems and webhooks."""

import json
import re
from pathlib import Path

import pytest

from release.cli import main
from release.report import summary

GATE = {
    "endpoint": "GET /",
    "metric": "p95_ms",
    "limit": 300,
    "measured": 640.0,
    "unit": "ms",
    "samples": 69,
    "outcome": "failed",
    "margin": -340.0,
    "text": "GET / p95_ms failed: measured 640 ms, limit 300 ms, 69 samples",
}
PASSED = GATE | {"metric": "p50_ms", "measured": 34.6, "margin": 265.4}
PASSED |= {"outcome": "passed"}
RECORD = {
    "schema": 1,
    "build": "2026.1123.113205",
    "attached": False,
    "environment": "qa",
    "cloud": "azure",
    "service": "web",
    "commit": "abc1234",
    "verdict": "failed",
    "reason": GATE["text"],
    "started_at": "2026-11-23T11:32:05+00:00",
    "duration_s": 60.0,
    "stages": [],
    "deployment": None,
    "gates": [PASSED, GATE],
    "rollback": {"text": "The previous build 41 is back and proved."},
    "tests": [
        {
            "nodeid": "tests/smoke/test_page.py::test_page",
            "group": "smoke",
            "outcome": "passed",
            "text": "",
            "evidence": {},
        },
        {
            "nodeid": "tests/load/test_thresholds.py::test_threshold[GET / p95_ms]",
            "group": "load",
            "outcome": "failed",
            "text": GATE["text"],
            "evidence": {},
        },
    ],
    "output": [],
}
HEADLINE = (
    "Failed: GET /: p95 response was 640 ms, limit 300 ms. "
    "The previous build 41 is back and proved."
)


def test_a_terminal_is_told_what_failed_by_how_much():
    assert summary.text(RECORD, "https://ci/7").splitlines() == [
        HEADLINE,
        "  environment  qa (azure)",
        "  build        2026.1123.113205",
        "  commit       abc1234",
        "  started      2026-11-23 11:32:05 UTC",
        "  took         60.0 s",
        "  smoke        1 test passed",
        "  load         1 gate passed, 1 failed",
        "  report       https://ci/7",
        "",
        f"load gate GET /: p95 response: {GATE['text']}",
        "",
        "failed: GET /: p95 response 640 ms, limit ≤ 300 ms, 340 ms over, 69 samples",
    ]


def test_a_job_summary_has_verdict_link_and_every_gate():
    page = summary.markdown(RECORD, "https://ci/7")
    for said in (
        "## Failed: GET /: p95 response was 640 ms, limit 300 ms.",
        "The previous build 41 is back and proved.",
        "[The report](https://ci/7)",
        "| build | 2026.1123.113205 |",
        "### Load gate: GET /: p95 response",
        "### 1 load gate passed, 1 failed",
        "| median response | 34.6 ms | ≤ 300 ms | 265 ms to spare | 69 | passed |",
        "| GET / | p95 response | 640 ms | ≤ 300 ms | 340 ms over | 69 | failed |",
    ):
        assert said in page


def test_a_failure_cannot_leave_its_place_in_markdown():
    test = RECORD["tests"][0] | {"outcome": "failed", "text": "<b> | ``` [x](y)"}
    page = summary.markdown(RECORD | {"tests": [test], "reason": "<b> | x"})
    assert "## Failed: \\<b\\> \\| x." in page
    assert "````\n<b> | ``` [x](y)\n````" in page


def test_azure_pipelines_gets_an_issue_for_each_failure_and_the_page():
    test = RECORD["tests"][0] | {"outcome": "failed", "text": "50 % of ##vso[x]"}
    changed = {"tests": [test], "reason": "50 % of ##vso[x]"}
    assert summary.azure(RECORD | changed, "page.md").splitlines() == [
        "##vso[task.logissue type=error]test_page: 50 %AZP25 of ##vso[x]",
        "##vso[task.uploadsummary]page.md",
        "Failed: 50 % of # #vso[x]. The previous build 41 is back and proved.",
    ]


def test_an_unclear_build_is_a_warning_of_azure_pipelines():
    changed = {"verdict": "inconclusive", "reason": "no load test ran", "tests": []}
    first = summary.azure(RECORD | changed, "/p").splitlines()[0]
    assert first == ("##vso[task.logissue type=warning]Inconclusive: no load test ran.")


def test_a_webhook_gets_a_sentence_for_people_and_figures_for_programs():
    assert summary.document(RECORD, "https://ci/7") == {
        "text": f"web in qa: {HEADLINE} https://ci/7",
        "link": "https://ci/7",
        "verdict": "failed",
        "reason": GATE["text"],
        "service": "web",
        "environment": "qa",
        "build": "2026.1123.113205",
        "commit": "abc1234",
        "started_at": "2026-11-23T11:32:05+00:00",
        "duration_s": 60.0,
        "rolled_back": True,
        "gates": {"passed": 1, "failed": 1, "inconclusive": 0},
        "failures": [
            {
                "what": "GET /: p95 response",
                "place": "load gate",
                "cause": GATE["text"],
            }
        ],
    }


def test_a_webhook_gets_no_secret(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2hunter2")
    document = summary.document(RECORD | {"reason": "signed in with hunter2hunter2"})
    assert document["reason"] == "signed in with ***"
    assert "hunter2" not in json.dumps(document)


QA, PROD = "2026.1123.113202", "2026.1123.93201"


@pytest.fixture
def archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two builds in its archive; no CI runs here."""
    for name in ("GITHUB_RUN_ID", "SYSTEM_COLLECTIONURI", "CI_JOB_URL", "BUILD_URL"):
        monkeypatch.delenv(name, raising=False)
    for environment, build in (("qa", QA), ("prod", PROD)):
        folder = tmp_path / "reports" / environment / build
        folder.mkdir(parents=True)
        changed = {"environment": environment, "build": build}
        (folder / "release.json").write_text(json.dumps(RECORD | changed))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "build"),
    [((), "qa"), (("--env", "prod"), "prod"), (("--build", PROD), "prod")],
)
@pytest.mark.usefixtures("archived")
def test_the_newest_build_is_told_unless_another_is_asked_for(capsys, options, build):
    assert main(["summary", *options]) == 0
    found = re.search(r"environment  (\w+)", capsys.readouterr().out)
    assert found[1] == build


def test_only_the_newest_build_is_read(archived, capsys):
    (archived / "reports" / "prod" / PROD / "release.json").write_text("{")
    assert main(["summary"]) == 0
    assert f"build        {QA}\n" in capsys.readouterr().out


def test_a_build_on_its_way_into_the_archive_is_none(archived, capsys):
    folder = archived / "reports" / "prod"
    (folder / PROD).rename(folder / f".{PROD}.part")
    assert main(["summary", "--env", "prod"]) == 4
    assert capsys.readouterr().err.startswith("no build of prod is archived in ")


def test_no_build_is_one_clear_error(archived, capsys):
    assert main(["summary", "--env", "dev"]) == 4
    assert capsys.readouterr().err == (
        f"no build of dev is archived in {archived}/reports\n"
        "  fix: a release archives itself when it ends: pytest --env NAME\n"
    )


def test_azure_pipelines_finds_the_page(archived, capsys, monkeypatch):
    monkeypatch.setenv("AGENT_TEMPDIRECTORY", str(archived))
    assert main(["summary", "--env", "qa", "--format", "azure"]) == 0
    page = archived / f"release-{QA}.md"
    assert f"##vso[task.uploadsummary]{page}\n" in capsys.readouterr().out
    assert page.read_text().startswith("## Failed: ")


@pytest.mark.usefixtures("archived")
def test_the_link_in_ci_is_that_of_the_run(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/web")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    assert main(["summary", "--env", "qa", "--format", "github"]) == 0
    said = capsys.readouterr().out
    assert "[The report](https://github.com/shop/web/actions/runs/7)" in said
