"""Every state that a report can be in, each made by a real release."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.releases.project import Ended, Project
from tests.harness.releases.test_canary import OPTIONS as CANARY

SCALE_SET = "*/virtualMachineScaleSets/tiny"
FORBIDDEN = {
    "kind": "refused",
    "path": SCALE_SET,
    "method": "PATCH",
    "status": 403,
    "code": "AuthorizationFailed",
    "message": "You may not write.",
    "times": None,
}
BUSY = (
    {"kind": "throttled", "path": f"{SCALE_SET}/virtualMachines", "times": 3},
    {"kind": "throttled", "path": "*/operations/*", "times": 2},
)


MANY = '''
import pytest

PICTURE = """
document.body.innerHTML = '<h1>Page ' + arguments[0] + '</h1>' +
  '<p>A paragraph that looks like any other page has it.</p>'.repeat(40)
for (let n = 0; n < 90; n++) {
  const box = document.createElement('i')
  const hue = (n * 37 + arguments[0] * 11) % 360
  box.style = 'position:absolute;border-radius:12px;width:90px;height:70px;' +
    'left:' + (n * 83 % 1180) + 'px;top:' + (n * 61 % 800) + 'px;' +
    'background:linear-gradient(' + n * 9 + 'deg,hsl(' + hue + ' 70% 60%),hsl(' +
    (hue + 90) + ' 70% 40%))'
  document.body.append(box)
}
"""


@pytest.mark.parametrize("number", range(97))
def test_a_page(browser, site, number):
    browser.get(site.url)
    browser.execute_script(PICTURE, number)
    heading = browser.find_element("tag name", "h1").text
    assert heading == f"Page {number}"
    assert number % 10, f"page {number} is not as it was"
'''
"""A hundred tests with those that there are; of these every tenth fails."""
SKIPPED = """
import pytest


def test_prices_are_shown():
    pytest.skip("prices come with the next version")
"""


def whole(project: Project, options: tuple[str, ...]) -> Ended:
    """Run a release to its end, whatever that is."""
    return project.release(*options)


def interrupted(project: Project, options: tuple[str, ...]) -> Ended:
    """Press Ctrl-C in the middle of the roll-out."""
    return project.interrupted("batch 1 of 2", *options)


def cancelled(project: Project, _: tuple[str, ...]) -> Ended:
    """End it as CI does, and kill it before it is undone."""
    return project.cancelled("batch 1 of 2", impatient_at="bringing back")


@dataclass(frozen=True, kw_only=True)
class State:
    """One state.

    Attributes:
        name: Of its files.
        verdict: What the release comes to.
        behaviour: Of the service.
        options: Of pytest.
        faults: Of the embedded Azure.
        run: Runs it.
        attached: Whether it only tests what is there.
        test: Another smoke test, as source.
    """

    name: str
    verdict: str
    behaviour: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    run: Callable[[Project, tuple[str, ...]], Ended] = whole
    attached: bool = False
    test: str = ""


STATES = (
    State(name="passed-first", verdict="passed"),
    State(name="passed", verdict="passed", behaviour={"title": "Second"}),
    State(name="passed-reused", verdict="passed", behaviour={"title": "Second"}),
    State(
        name="passed-throttled",
        verdict="passed",
        behaviour={"title": "Third"},
        faults=BUSY,
    ),
    State(
        name="passed-canary",
        verdict="passed",
        behaviour={"title": "Fourth"},
        options=CANARY,
    ),
    State(
        name="attached",
        verdict="passed",
        options=("tests/smoke",),
        attached=True,
    ),
    State(
        name="failed-settings",
        verdict="failed",
        options=("--set", "load.users=0", "--set", "rollout.batch_ratio=40"),
    ),
    State(name="failed-bake", verdict="failed", behaviour={"bake": "broken"}),
    State(name="failed-deploy", verdict="failed", behaviour={"starts": False}),
    State(name="failed-smoke", verdict="failed", behaviour={"status": 500}),
    State(name="failed-load", verdict="failed", behaviour={"delay_s": 0.4}),
    State(
        name="failed-rollback",
        verdict="failed",
        behaviour={"status": 500, "title": "No way back"},
        faults=(FORBIDDEN,),
    ),
    State(
        name="inconclusive",
        verdict="inconclusive",
        behaviour={"title": "Fifth"},
        test=SKIPPED,
    ),
    State(
        name="interrupted",
        verdict="failed",
        behaviour={"title": "Interrupted"},
        run=interrupted,
    ),
    State(
        name="cancelled",
        verdict="failed",
        behaviour={"title": "Cancelled"},
        run=cancelled,
    ),
    State(
        name="many-tests",
        verdict="failed",
        behaviour={"title": "Many"},
        test=MANY,
    ),
)


def made(project: Project, state: State) -> Path:
    """Run a release into a state; return the folder with its report."""
    if state.behaviour or not (project.root / "passed.json").exists():
        project.set(**state.behaviour)
    else:
        project.restore()
    commit(project.root, f"Make it {state.name.replace('-', ' ')}")
    further = project.root / "tests" / "smoke" / "test_further.py"
    if state.test:
        further.write_text(state.test)
    kind = ".release/attached" if state.attached else "reports/local"
    before = reports(project.root / kind)
    if state.faults:
        project.faults(*state.faults)
    try:
        ended = state.run(project, state.options)
    finally:
        further.unlink(missing_ok=True)
        if state.faults:
            project.faults()
    new = reports(project.root / kind) - before
    assert len(new) == 1, ended.output
    return new.pop()


def reports(folder: Path) -> set[Path]:
    """Return the folders of builds that have a report."""
    return {page.parent for page in folder.glob("*/report.html")}


def commit(root: Path, subject: str) -> None:
    """Commit all that there is."""
    who = ("-c", "user.name=gallery", "-c", "user.email=gallery@example.org")
    for command in (
        ("init", "-q"),
        ("add", "-A"),
        (*who, "commit", "-q", "--allow-empty", "-m", subject),
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
