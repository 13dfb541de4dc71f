"""What a killed release left: its processes end, its build is archived as failed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

from release import builds, housekeeping
from release.azure.lease import Holder
from release.builds import RECORD, Build
from release.coordination import interim
from release.coordination.interruption import end_processes
from release.coordination.outcomes import GROUPS
from release.coordination.run import Run
from release.history.keep import archiving, discard
from release.history.keep import keep as archive
from release.journal import Event, Kind
from release.report.archive import write_alone
from release.report.record import record
from release.settings import Settings
from release.verdict import Ended, Outcome, State, Verdict

NOTE = "Written by the release after it, which found this one killed."


def sweep(run: Run, dead: Holder | None) -> list[str]:
    """End and archive what killed releases left; return what was done, in words.

    Args:
        run: That holds the environment's lock.
        dead: Who held it last and never let go of it, wherever that was.
    """
    own = run.build
    killed = builds.unfinished(own.root, own.environment, but=own.id)
    said = [told(build, end(build)) for build in killed]
    known = {build.id for build in killed}
    if dead and dead.build not in known:
        said.append(f"swept: build {dead.build} of {dead.who} did not end")
    housekeeping.sweep(
        run.settings,
        own,
        run.azure,
        dead=sorted(known | ({dead.build} if dead else set())),
    )
    for build in killed:
        keep(build, run.settings)
    return said


def told(build: Build, ended: Sequence[str]) -> str:
    """Return in words what becomes of a build, some processes of which still ran."""
    still = f"; {', '.join(ended)} still ran" if ended else ""
    if _is_whole(build):
        return f"swept: build {build.id} had ended, and is archived now{still}"
    return f"swept: build {build.id} was killed, and is archived as failed{still}"


def end(build: Build) -> list[str]:
    """End the processes that a killed build left; return names and ids."""
    return end_processes(str(build.folder))


def keep(build: Build, settings: Settings) -> None:
    """Archive a killed build, so that the index tells of every build.

    Args:
        build: The killed one.
        settings: Of its environment, as they are now: those that it had are lost.
    """
    reports = build.root / "reports"
    discard(reports, build.environment)
    events = build.journal.read()
    kept = build.archive.exists() and not interim.is_kept(build.archive)
    if not events or kept:
        shutil.rmtree(build.folder, ignore_errors=True)
        return
    if not _is_whole(build):
        found = document(build.id, events, settings)
        with archiving(build.id, build.folder):
            write_alone(build.folder, found, note=NOTE)
    limits = settings.env.retention
    archive(build.folder, build.archive, reports=reports, limits=limits)


def document(build: str, events: Sequence[Event], settings: Settings) -> dict[str, Any]:
    """Return a killed build's record. Pure."""
    found = record(
        settings,
        build=build,
        attached=False,
        verdict=_verdict(events),
        tests=[_ended(e) for e in events if e.kind is Kind.TEST_FINISHED],
        events=events,
        tools={},
    )
    return found | {"commit": events[0].data.get("commit", ""), "settings": []}


def _verdict(events: Sequence[Event]) -> Verdict:
    """Say where it was killed; a verdict that was reached already stands."""
    for event in reversed(events):
        if event.kind is Kind.BUILD_FINISHED:
            data = event.data
            return Verdict(state=State(data["verdict"]), reason=data["reason"])
    at = ""
    for event in events:
        if event.kind is Kind.STAGE_STARTED:
            at = f" in {event.stage}"
        elif event.kind is Kind.STAGE_FINISHED:
            at = f" after {event.stage}"
    when = events[-1].at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Verdict(
        state=State.FAILED,
        reason=f"killed{at}: process {events[0].pid} was last heard of at {when}",
    )


def _ended(event: Event) -> Ended:
    nodeid = event.data["nodeid"]
    return Ended(
        nodeid=nodeid,
        group=next((g for g in GROUPS if nodeid.startswith(f"tests/{g}/")), ""),
        outcome=Outcome(event.data["outcome"]),
        duration_s=event.data["duration_s"],
    )


def _is_whole(build: Build) -> bool:
    """Tell whether it was killed after its report, as it was to be moved."""
    try:
        json.loads((build.folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return (build.folder / "report.html").is_file()
