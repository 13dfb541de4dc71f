"""What the run after a kill says, and what is not as it should be after it."""

from __future__ import annotations

import json
import urllib.request

import psutil

from release.coordination.interruption import MARK
from release.wait import Seen, wait_until
from tests.harness.releases.project import Ended, Project


def wrong(project: Project, after: Ended, title: str) -> str:
    """Return what is not as it should be after the next run, or ""."""
    if after.status:
        return f"the next run ended with {after.status}: {after.output[-2000:]}"
    record = project.last()
    with urllib.request.urlopen(record["deployment"]["site_url"]) as answer:
        if title not in answer.read().decode():
            return "the site shows another build"
    for one in record["deployment"]["instances"]:
        with urllib.request.urlopen(f"http://{one['address']}/healthz") as answer:
            if json.load(answer)["build"] != record["image"]["build"]:
                return f"{one['name']} runs another build"
    if any((project.root / ".release" / "builds").iterdir()):
        return "a killed build is not archived"
    project.command_line("clean", "--env", "local", "--yes")

    def look() -> Seen[str]:
        listed = project.command_line("clean", "--env", "local").output
        left = [name for name in project.groups() if name.startswith("release-local-")]
        clean = listed == "nothing is left over at local\n" and not left
        return Seen(what=f"{left} {listed}", value="clean" if clean else None)

    wait_until("clean Azure", look, timeout_s=30, interval_s=0.5, fix="")
    marks = str(project.root)
    running = [p.name() for p in psutil.process_iter() if _marked(p, marks)]
    return f"still running: {running}" if running else ""


def _marked(process: psutil.Process, root: str) -> bool:
    try:
        return process.environ().get(MARK, "").startswith(root)
    except psutil.Error:
        return False
