"""``junit.xml``: stages, smoke tests and load gates as test cases. Pure.

Made of ``release.json``, so that a release which ended before its tests has one too.
What its readers agree on: suites with counts, cases with ``classname``, ``name`` and
``time`` in seconds, and one of ``failure``, ``error`` or ``skipped`` within. Sources:
"Unit test reports" of GitLab (``file``; ``[[ATTACHMENT|path]]`` in ``system-out``),
"Publish Test Results v2 task" of Azure Pipelines. Measured values are properties of
their gate.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from release.verdict import Outcome

PROPERTIES = ("environment", "build", "commit", "verdict", "reason")
_MEASURED = ("measured", "limit", "unit", "margin", "samples")
_RED = {Outcome.FAILED, Outcome.INCONCLUSIVE, "interrupted", "unfinished"}


def junit(record: Mapping[str, Any]) -> bytes:
    """Return a build's ``release.json`` as JUnit's XML."""
    name = f"{record['service']} to {record['environment']}"
    root = ET.Element("testsuites", name=f"release of {name}")
    suites = {
        "stages": [_stage(stage) for stage in record["stages"]],
        "smoke tests": [_test(t, record) for t in record["tests"] if _is(t, "smoke")],
        "load gates": [_test(t, record) for t in record["tests"] if _is(t, "load")],
        "other tests": [_test(t, record) for t in record["tests"] if _is(t, "")],
    }
    for title, cases in suites.items():
        if cases:
            root.append(_suite(title, cases, record))
    _count(root, list(root.iter("testcase")))
    ET.indent(root, " ")
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def _is(test: Mapping[str, Any], group: str) -> bool:
    return bool(test["group"] == group)


def _suite(
    title: str, cases: Sequence[ET.Element], record: Mapping[str, Any]
) -> ET.Element:
    suite = ET.Element("testsuite", name=title, timestamp=record["started_at"])
    _count(suite, cases)
    _properties(suite, ((name, record[name]) for name in PROPERTIES))
    suite.extend(cases)
    return suite


def _count(element: ET.Element, cases: Sequence[ET.Element]) -> None:
    for name, child in (
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        count = sum(case.find(child) is not None for case in cases)
        element.set(name, str(count))
    element.set("tests", str(len(cases)))
    element.set("time", _seconds(sum(float(case.get("time", "0")) for case in cases)))


def _stage(stage: Mapping[str, Any]) -> ET.Element:
    case = ET.Element("testcase", classname="stages", name=stage["name"])
    case.set("time", _seconds(stage["duration_s"]))
    outcome = stage["outcome"]
    if stage["error"] or outcome in {"interrupted", "unfinished"}:
        _failure(case, outcome, stage["error"] or f"{stage['name']} {outcome}")
    elif outcome == Outcome.SKIPPED:
        ET.SubElement(case, "skipped")
    # A stage of tests that failed has no error of its own: its tests tell it.
    return case


def _test(test: Mapping[str, Any], record: Mapping[str, Any]) -> ET.Element:
    path, _, name = str(test["nodeid"]).partition("::")
    gate = _gate(name, record)
    case = ET.Element(
        "testcase",
        classname=path.removesuffix(".py").replace("/", "."),
        name=name,
        file=path,
    )
    case.set("time", _seconds(test["duration_s"]))
    if gate:
        where = f" in {gate['browser']}" if "browser" in gate else ""
        case.set("name", f"{gate['endpoint']} {gate['metric']}{where}")
        known = [(key, gate[key]) for key in _MEASURED if gate[key] is not None]
        _properties(case, known)
    stage = _failed_stage(test, record["stages"])
    text = gate["text"] if gate else test["text"]
    if stage:
        _skipped(case, f"not run: {stage} failed")
    elif test["outcome"] in _RED:
        _failure(case, test["outcome"], text)
    elif test["outcome"] == Outcome.SKIPPED:
        _skipped(case, text)
    _said(case, test, record)
    return case


def _said(case: ET.Element, test: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Tell at which try a test passed, and where what the browser showed lies."""
    lines = [f"flaky: {test['flaky']}"] if test.get("flaky") else []
    shown = test["evidence"].get("screenshot")
    if shown:
        folder = f"reports/{record['environment']}/{record['build']}"
        lines.append(f"[[ATTACHMENT|{folder}/{shown}]]")
    if lines:
        ET.SubElement(case, "system-out").text = "\n".join(lines)


def _gate(name: str, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the gate that a test reads, by its parameters, or None."""
    for gate in record["gates"]:
        if name.endswith(f"[{gate['endpoint']} {gate['metric']}]"):
            return dict(gate)
    parameters = name.partition("[")[2].removesuffix("]").split("-")
    for page in record.get("pages", []):
        # With one browser its name is no parameter.
        browsers = {each["browser"] for each in record["pages"]}
        if name.endswith(f"{page['endpoint']}]") and (
            page["browser"] in parameters or not browsers & {*parameters}
        ):
            return dict(page)
    return None


def _failed_stage(
    test: Mapping[str, Any], stages: Iterable[Mapping[str, Any]]
) -> str | None:
    """Return the stage whose error is all that a test says, or None."""
    text = test["text"].strip()
    return next(
        (s["name"] for s in stages if text and s["error"].strip() == text), None
    )


def _failure(case: ET.Element, outcome: str, text: str) -> None:
    first = text.strip().partition("\n")[0]
    failure = ET.SubElement(case, "failure", type=str(outcome), message=_clean(first))
    failure.text = _clean(text)


def _skipped(case: ET.Element, why: str) -> None:
    ET.SubElement(case, "skipped", message=_clean(why))


def _properties(element: ET.Element, named: Iterable[tuple[str, Any]]) -> None:
    holder = ET.SubElement(element, "properties")
    for name, value in named:
        said = f"{value:.6g}" if isinstance(value, float) else str(value)
        ET.SubElement(holder, "property", name=name, value=_clean(said))


def _seconds(value: float | None) -> str:
    return f"{value or 0:.3f}"


def _clean(text: str) -> str:
    """Return a text without the control characters that XML 1.0 does not allow."""
    return "".join(c for c in text if c in "\t\n\r" or c >= " ")
