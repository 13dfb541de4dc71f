"""Pure: why Locust did not measure, from its exit code and its log."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.errors import LoadFailed
from release.load.health import lost
from release.load.measurements import Measurements
from release.load.profile import Profile

TAIL_LINES = 20
ROUNDING_S = 0.1
FIGURES = "\nType     Name  "
"""How the table begins that Locust ends its log with."""
RAISED = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit)\b.*)$", re.MULTILINE)
"""The last line of a traceback."""
TAKEN = re.compile(r"Socket bind failure: ([A-Z][^()\n]*[^()\s])")
"""What Locust's master says of an address that it cannot have."""


def ended_badly(code: int, log: str, profile: Profile, *, log_path: Path) -> LoadFailed:
    """Return the error of a Locust that ended with another exit code than 0.

    Args:
        code: The exit code; below 0 is a signal, as in `subprocess`.
        log: Everything that Locust wrote.
        profile: What it was to run.
        log_path: Where the log is kept.
    """
    name = profile.locustfile.name
    if "No module named locust" in log:
        return LoadFailed(
            "Locust is not installed for this Python", fix="run .ci/setup"
        )
    # Without a class of users, Locust looks for pytest functions in the files.
    if "No User class found!" in log or "load_locustfile_pytest" in log:
        return LoadFailed(
            f"{name} has no class of users",
            fix="derive one from locust.FastHttpUser and give it a @task",
        )
    taken = TAKEN.search(log)
    if taken:
        where = profile.workers.bind if profile.workers else "a port of this machine"
        return LoadFailed(
            f"Locust cannot listen for workers at {where}: {taken[1]}",
            fix="free it, or name an address of this machine in load.workers.bind",
        )
    if code < 0:
        return _failed(
            f"Locust was ended by {signal.Signals(-code).name}",
            log,
            fix=f"see {kept(log_path)}; SIGKILL often means that memory ran out",
        )
    raised = RAISED.findall(log)
    if raised and str(profile.locustfile) in log:
        where = _place(log, profile)
        return LoadFailed(
            f"{where} cannot run: {raised[-1]}",
            fix=f"correct {where}; the traceback is in {kept(log_path)}",
        )
    return _failed(
        f"Locust ended with exit code {code}", log, fix=f"see {kept(log_path)} for why"
    )


def stuck(log: str, profile: Profile, *, silent_s: float) -> LoadFailed:
    """Return the error of a Locust that ran and told nothing any more.

    Args:
        log: Everything that Locust wrote, where it stands at last.
        profile: What it was to run.
        silent_s: Seconds without a word.
    """
    return LoadFailed(
        f"{_place(log, profile)} lets nothing else run: Locust has told nothing for "
        f"{silent_s:.0f} s",
        fix="let it wait there by gevent.sleep, or send a request: all users take "
        "turns in one thread",
    )


def too_few(told: Mapping[str, Any], profile: Profile) -> LoadFailed:
    """Return the error of a load whose workers did not come, or were the wrong ones.

    Args:
        told: What Locust's master told of it.
        profile: What was to be run.
    """
    came = f"{told['came']} of {profile.senders}"
    if profile.workers is None:
        return LoadFailed(
            f"{came} processes began in {told['waited_s']:.0f} s",
            fix="see locust.log for why; a lower load.processes needs less memory",
        )
    where = profile.workers
    said = f"{came} workers came to {where.bind} in {told['waited_s']:.0f} s"
    if told["refused"]:
        refused = "".join(
            f"\n  refused {each['name']}: {each['what']}" for each in told["refused"]
        )
        fixes = dict.fromkeys(each["fix"] for each in told["refused"])
        return LoadFailed(said + refused, fix="; ".join(fixes))
    several = f" --processes {profile.processes}" if profile.processes > 1 else ""
    return LoadFailed(
        said,
        fix=f"start them: python -m release load-worker --master HOST:{where.port}"
        f"{several}, where HOST is how they reach this machine",
    )


def not_measured(
    measurements: Measurements | None, log: str, profile: Profile, *, gave_up: str
) -> LoadFailed | None:
    """Return the error of a Locust that ended well and measured nothing to trust.

    None when its figures can be judged.

    Args:
        measurements: What it measured, or None when it sent no load.
        log: Everything that Locust wrote.
        profile: What it was to run.
        gave_up: Why the load was ended early on purpose, or "".
    """
    name = profile.locustfile.name
    if measurements is None:
        return _failed("Locust ended before it sent load", log, fix=f"correct {name}")
    raised = sorted(measurements.exceptions.items(), key=lambda one: -one[1])
    if raised and not measurements.everything.failed:
        text, count = raised[0]
        where = _place(log, profile)
        return LoadFailed(
            f"{where} itself raised {sum(measurements.exceptions.values())} times: "
            f"{count} x {text}",
            fix=f"correct {where}; what a response must be belongs into "
            "catch_response, which counts as a failed request",
        )
    gone = [each for each in measurements.senders if each.lost_s is not None]
    if gone and len(gone) == len(measurements.senders):
        return _failed(
            lost(measurements),
            log,
            fix="see the logs of the workers; nobody was left to send the load",
        )
    if measurements.time_s < profile.time_s - ROUNDING_S and not gave_up:
        ran_s = profile.lead_s + measurements.time_s
        return _failed(
            f"Locust stopped after {ran_s:.1f} s of {profile.run_s:g} s",
            log,
            fix=f"see whether {name} ends the test itself",
        )
    if not measurements.everything.requests:
        return _failed(
            f"{name} sent no request in the {profile.time_s:g} s that are measured",
            log,
            fix="see that its users have a @task and wait less than that",
        )
    return None


def kept(log_path: Path) -> str:
    """Return where a log is once its build is archived."""
    return f"{log_path.parent.name}/{log_path.name} beside the report"


def tail(log: str) -> str:
    """Return the last lines of a log before Locust's own figures, each after a bar."""
    told = log.partition(FIGURES)[0].strip("\n")
    lines = told.split("\n")[-TAIL_LINES:] if told else []
    return "".join(f"\n  | {line}" for line in lines)


def _place(log: str, profile: Profile) -> str:
    """Return the locustfile, with the line that a traceback named last."""
    named = re.findall(rf'File "{re.escape(str(profile.locustfile))}", line (\d+)', log)
    name = profile.locustfile.name
    return f"{name} line {named[-1]}" if named else name


def _failed(what: str, log: str, *, fix: str) -> LoadFailed:
    return LoadFailed(f"{what}{tail(log)}", fix=fix)
