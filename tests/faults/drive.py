"""Drive one release into a fault, and compare how it ends with the table."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from release.azure.storage import account_name
from tests.faults.table import Case
from tests.harness.releases.project import Ended, Project
from tests.harness.releases.records import answers_with

BACK = (
    "The previous build {before} is back and proved on 2 instances; 2 essential smoke "
    "tests passed on it."
)
Note = Callable[[str, object], None]
Raw = dict[str, Any]


def drive(project: Project, case: Case, note: Note) -> None:
    """Run a release with the case's faults; it must end as the case says."""
    before = project.live()
    project.set(title=f"{case.where}: {case.name}", **case.behaviour)
    count = len(project.records())
    ended, struck = _release(project, case)
    begun = len(project.records()) > count
    assert begun == (not case.usage), ended.output
    record = project.last() if begun else {"verdict": "not begun"}
    names = _names(project, record, before)
    for name, value in (
        ("fault", case.name),
        ("where", case.where),
        ("struck", struck),
        ("verdict", record["verdict"]),
        ("seconds", f"{ended.took_s:.1f}"),
        ("said", (case.usage or case.reason or case.said).format(**names)),
    ):
        note(name, value)
    assert struck == case.struck if case.struck else struck > 0
    if case.usage:
        assert ended.status == 4, ended.output
        assert f"ERROR: {case.usage}\n".format(**names) in ended.output, ended.output
    elif case.reason:
        assert record["verdict"] == "failed", ended.output
        _is_told(record, names, case)
        _is_undone(record, names, case)
    else:
        assert record["verdict"] == "passed", ended.output
    if case.said:
        lines = [line["text"] for line in record["progress"]]
        wanted = case.said.format(**names)
        assert any(wanted in line for line in lines), "\n".join(lines)
    if case.mends:
        live = project.live()
        assert answers_with(live) == {live["image"]["build"]}
    else:
        project.set(title="mended")
        mended = project.release()
        assert mended.status == 0, mended.output
    if case.leaves or record["verdict"] == "failed":
        project.clean()
    project.nothing_is_left()


def _release(project: Project, case: Case) -> tuple[Ended, int]:
    """Run it; tell how often the faults struck."""
    struck: list[int] = []

    def lift() -> None:
        struck.append(sum(fault["hits"] for fault in project.struck()))
        project.faults()

    options = case.options
    project.faults(*case.faults)
    if case.frozen_at:
        return project.acting(case.frozen_at, lambda: _freeze(project), *options), 1
    if case.lifted_at:
        return project.acting(case.lifted_at, lift, *options), struck[0]
    ended = project.release(*options)
    lift()
    return ended, struck[0]


def _freeze(project: Project) -> None:
    """Let the embedded Azure stand still for 3 s."""
    pid = project.embedded().pid
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(3, os.kill, (pid, signal.SIGCONT)).start()


def _is_told(record: Raw, names: dict[str, str], case: Case) -> None:
    """See the verdict's reason, and the failed stage's error, word for word."""
    reason = case.reason.format(**names)
    assert record["reason"] == reason, f"{record['reason']}\n!= {reason}"
    if case.fix:
        error = next(s["error"] for s in record["stages"] if s["outcome"] == "failed")
        wanted = f"{reason.partition(': ')[2]}\n  fix: {case.fix}"
        assert error == wanted, f"{error}\n!= {wanted}"


def _is_undone(record: Raw, names: dict[str, str], case: Case) -> None:
    """See that what ran before is back where the scale set was touched."""
    touched = record["rollback"] is not None
    early = case.reason.startswith(("preflight: ", "bake: "))
    assert touched == (not early), record["rollback"]
    if touched and case.mends:
        assert record["rollback"]["text"] == BACK.format(**names)


def _names(project: Project, record: Raw, before: Raw) -> dict[str, str]:
    sent = [asked["path"] for asked in project.asked(0) if asked["method"] == "PUT"]
    payloads = [path for path in sent if "/release/payload/" in path]
    build = str(record.get("build", ""))
    return {
        "build": build,
        "group": f"release-local-{build}",
        "before": str(before["image"]["build"]),
        "account": account_name(project.embedded().subscription, "tiny-images"),
        "payload": payloads[-1].rpartition("/")[2] if payloads else "",
    }
