"""``junit.xml``, read by those that CI systems read it with, and as they document."""

import junitparser
import pytest

from release.report.junit import junit
from tests.harness.report.test_report import RECORD

BROKEN = "bake: step 2 of 3 failed\n  fix: look"


def stage(name, outcome="passed", error=""):
    return {
        "name": name,
        "started_s": 0.0,
        "duration_s": 1.5,
        "outcome": outcome,
        "error": error,
    }


def ended(nodeid, outcome="passed", text="", group="smoke", **more):
    found = {"nodeid": nodeid, "group": group, "outcome": outcome, "text": text}
    return found | {"duration_s": 0.25, "flaky": "", "evidence": {}} | more


GATE = {
    "endpoint": "GET /",
    "metric": "p95_ms",
    "limit": 300.0,
    "measured": 640.123456789,
    "unit": "ms",
    "margin": -340.123456789,
    "samples": 69,
    "outcome": "failed",
    "text": "GET / p95_ms failed: measured 640.1 ms, limit 300 ms",
}
SHOT = {"screenshot": "screenshots/a.png"}
TESTS = [
    ended("tests/smoke/test_a.py::test_a"),
    ended("tests/smoke/test_a.py::test_b", "failed", "no title\nmore", evidence=SHOT),
    ended("tests/smoke/test_a.py::test_c", flaky="passed at try 2: no title"),
    ended("tests/load/test_l.py::test_l[GET / p95_ms]", "failed", "x", group="load"),
    ended("tests/load/test_l.py::test_l[GET / p50_ms]", "skipped", "n", group="load"),
]


def read(**changes):
    return junitparser.JUnitXml.fromstring(junit(RECORD | changes))


@pytest.fixture
def suites():
    stages = [stage("bake"), stage("load", "failed")]
    return {
        suite.name: suite for suite in read(stages=stages, tests=TESTS, gates=[GATE])
    }


def test_suites_are_counted(suites):
    counts = {
        name: (each.tests, each.failures, each.errors, each.skipped, each.time)
        for name, each in suites.items()
    }
    assert counts == {
        "stages": (2, 0, 0, 0, 3.0),
        "smoke tests": (3, 1, 0, 0, 0.75),
        "load gates": (2, 1, 0, 1, 0.5),
    }


def test_a_gate_is_a_case_whose_measured_values_are_properties(suites):
    gate, skipped = suites["load gates"]
    assert (gate.classname, gate.name) == ("tests.load.test_l", "GET / p95_ms")
    properties = gate.child(junitparser.Properties)
    assert {each.name: each.value for each in properties} == {
        "measured": "640.123",
        "limit": "300",
        "unit": "ms",
        "margin": "-340.123",
        "samples": "69",
    }
    assert [(each.type, each.message) for each in gate.result] == [
        ("failed", "GET / p95_ms failed: measured 640.1 ms, limit 300 ms")
    ]
    assert [each.message for each in skipped.result] == ["n"]


def test_the_loading_time_of_a_page_is_a_gate_of_its_browser():
    page = GATE | {"endpoint": "/ask", "metric": "load_ms"}
    nodes = [f"tests/smoke/test_p.py::test_p[{name}-/ask]" for name in ("a", "b")]
    pages = [page | {"browser": "a", "measured": 1.0}, page | {"browser": "b"}]
    (suite,) = read(stages=[], tests=[ended(node) for node in nodes], pages=pages)
    assert [case.name for case in suite] == ["/ask load_ms in a", "/ask load_ms in b"]


def test_a_failed_test_says_why_and_shows_its_screenshot(suites):
    _, failed, flaky = suites["smoke tests"]
    assert (failed.classname, failed.name) == ("tests.smoke.test_a", "test_b")
    assert failed.result[0].message == "no title"
    assert failed.result[0].text == "no title\nmore"
    shown = "reports/qa/2026.1123.113205/screenshots/a.png"
    assert failed.system_out == f"[[ATTACHMENT|{shown}]]"
    assert flaky.system_out == "flaky: passed at try 2: no title"
    assert flaky.is_passed


def test_a_suite_says_of_which_build_it_is(suites):
    said = {each.name: each.value for each in suites["stages"].properties()}
    assert said == {
        "environment": "qa",
        "build": "2026.1123.113205",
        "commit": "abc1234",
        "verdict": "failed",
        "reason": "test_page: GET /<b> answered 500",
    }


def test_a_stage_that_failed_is_the_only_red_case():
    stages = [stage("bake", "failed", BROKEN)]
    tests = [ended("tests/smoke/test_a.py::test_a", "failed", BROKEN)]
    bake, smoke = read(stages=stages, tests=tests)
    assert (bake.failures, smoke.failures, smoke.skipped) == (1, 0, 1)
    assert next(iter(bake)).result[0].message == "bake: step 2 of 3 failed"
    assert next(iter(smoke)).result[0].message == "not run: bake failed"


def test_a_stage_that_was_cut_short_is_red():
    (suite,) = read(stages=[stage("deploy", "unfinished")], tests=[])
    assert next(iter(suite)).result[0].message == "deploy unfinished"


def test_a_release_without_stages_or_tests_is_an_empty_document():
    assert read(stages=[], tests=[]).tests == 0


def test_what_xml_does_not_allow_is_left_out():
    text = "\x1b[31mred\x00 & <b>"
    ((test,),) = read(stages=[], tests=[ended("tests/smoke/a.py::t", "failed", text)])
    assert test.result[0].text == "[31mred & <b>"
