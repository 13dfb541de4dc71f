import json

import pytest

from release.report.archive import archive, write_record
from release.report.history import builds, write_index
from release.report.html import duration, headline, index_page, number, summary

RECORD = {
    "schema": 1,
    "build": "2026.1123.113205",
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
    "output": ["a <line>"],
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
    page = summary(RECORD)
    assert "GET /&lt;b&gt; answered 500" in page
    assert "a &lt;line&gt;" in page
    assert "<b>" not in page


def test_a_build_that_made_nothing_says_so():
    page = summary(RECORD)
    for said in ("No image came", "was not deployed", "No load was sent"):
        assert said in page


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "—"), (0.4242, "0.42 s"), (17.32, "17.3 s"), (260, "4 min 20 s")],
)
def test_durations_read_as_a_person_says_them(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "—"), (12, "12"), (0.01234, "0.0123"), (1234.5, "1,234"), (34.56, "34.6")],
)
def test_numbers_keep_three_digits_that_matter(value, shown):
    assert number(value) == shown


def put(reports, environment, build, **changes):
    folder = reports.parent / "work" / build
    folder.mkdir(parents=True)
    write_record(
        folder, RECORD | {"build": build, "environment": environment} | changes
    )
    (folder / "image.lock").touch()
    archive(folder, reports / environment / build, reports=reports)


def test_a_build_is_moved_whole_and_its_locks_are_left_out(tmp_path):
    reports = tmp_path / "reports"
    put(reports, "qa", "2026.1123.1")
    folder = reports / "qa" / "2026.1123.1"
    assert [path.name for path in folder.iterdir()] == ["release.json"]
    assert json.loads((folder / "release.json").read_text())["build"] == "2026.1123.1"
    assert not (tmp_path / "work" / "2026.1123.1").exists()


def test_the_index_lists_all_builds_newest_first(tmp_path):
    reports = tmp_path / "reports"
    put(reports, "qa", "2026.1123.1", started_at="2026-11-23T00:00:01+00:00")
    put(reports, "local", "2026.1124.1", started_at="2026-11-24T00:00:01+00:00")
    found = builds(reports)
    assert [(b["environment"], b["build"], b["href"]) for b in found] == [
        ("local", "2026.1124.1", "local/2026.1124.1/report.html"),
        ("qa", "2026.1123.1", "qa/2026.1123.1/report.html"),
    ]
    page = (reports / "index.html").read_text()
    assert page == index_page(found)
    assert page.index("2026.1124.1") < page.index("2026.1123.1")


def test_an_empty_archive_has_an_index_too(tmp_path):
    write_index(tmp_path)
    assert "No build yet." in (tmp_path / "index.html").read_text()
