"""Draining: an instance answers 503 to probes, gets no new connections, finishes.

Before an upgrade in place we drain it, and see that the site does not use it any
more. An instance that Azure itself deletes, as a surge does, drains itself when it is
told: `on_termination` is sent there before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urljoin

from release.deploy import guest, probe
from release.deploy.deployed import Deployed, Instance
from release.deploy.health import PROBES_PER_INSTANCE
from release.deploy.work import Work
from release.errors import AzureError, WaitTimedOut
from release.wait import Seen, wait_until

INTERVAL_S = 0.2
"""Seconds between two looks, at most; a quicker load balancer is looked at oftener."""
TIMEOUT_S = 10.0
PROBES = 2
"""Probes after which a load balancer has noticed for sure: one, and one under way."""
WATCHER = Path(__file__).with_name("on_termination.py")


def drain(work: Work, batch: Sequence[Instance], seen: Deployed) -> None:
    """Let the instances that serve finish; one that is unwell serves nobody."""
    rollout = work.env.rollout
    serving = [instance for instance in batch if instance.healthy]
    if not rollout.drain_command or not serving:
        return
    _tell(work, dict.fromkeys(serving, rollout.drain_command), "is not drained")
    _see_drained(work, serving)
    _see_unserved(work, {instance.name for instance in serving}, seen)
    _rest(work, rollout.drain_s)


def arm(work: Work, instances: Sequence[Instance]) -> None:
    """Let instances drain themselves when Azure tells that it deletes them.

    Unwell ones too: they serve nobody, but Azure would wait for them in vain.
    """
    if not work.env.rollout.drain_command:
        return
    there = [instance for instance in instances if instance.settled]
    scripts = {each: watching(work, each) for each in there}
    _tell(work, scripts, "will not be drained")


def watching(work: Work, instance: Instance) -> str:
    """Return the script that starts `on_termination` on an instance.

    It waits before it drains until the load balancer has found the new instances,
    and afterwards until it has noticed and requests under way are over.
    """
    rollout, probe_s = work.env.rollout, work.azure.endpoint.probe_s
    settings = {
        "vm": f"{work.env.scale_set}_{instance.id}",
        "command": rollout.drain_command,
        "before_s": PROBES * probe_s,
        "after_s": PROBES * probe_s + rollout.drain_s,
        "interval_s": min(probe_s, 1.0),
    }
    return f"""\
set -e
mkdir -p /run/release
cat > /run/release/on_termination.py <<'END-OF-FILE'
{WATCHER.read_text("utf-8")}
END-OF-FILE
cat > /run/release/on_termination.json <<'END-OF-FILE'
{json.dumps(settings)}
END-OF-FILE
cat > /run/systemd/system/release-on-termination.service <<'END-OF-FILE'
[Unit]
Description=Drains this instance before it is deleted
[Service]
ExecStart=/usr/bin/python3 /run/release/on_termination.py
Restart=on-failure
RestartSec=1
END-OF-FILE
systemctl daemon-reload
systemctl restart release-on-termination.service
"""


def _tell(work: Work, scripts: dict[Instance, str], without: str) -> None:
    """Run a script on each instance at the same time; go on where it fails."""
    begun = []
    for instance, script in scripts.items():
        try:
            begun.append(
                (instance, guest.begin(work.azure, work.env, instance, script))
            )
        except AzureError as error:
            work.progress(f"{instance.name} {without}: {error.what}")
    for instance, poller in begun:
        try:
            guest.finish(work.azure, instance, poller)
        except (AzureError, WaitTimedOut) as error:
            work.progress(f"{instance.name} {without}: {error.what}")


def _see_drained(work: Work, batch: Sequence[Instance]) -> None:
    """Wait until instances tell probes that they are draining.

    One that goes on answering 200 is upgraded all the same, after the pause.
    """

    def look() -> Seen[bool]:
        answers = probe.ask_each(batch, work.env.health_path)
        serving = [
            instance.name
            for instance, answer in zip(batch, answers, strict=True)
            if answer.healthy
        ]
        return Seen(
            what=f"{', '.join(serving)} answers 200 to probes",
            value=None if serving else True,
        )

    _hope(work, "draining instances", look)


def _see_unserved(work: Work, names: set[str], seen: Deployed) -> None:
    """Wait until the site does not answer from instances, by their host names.

    That they tell probes that they drain, and that the load balancer's probe has
    asked them since, are two things.
    """
    url = urljoin(seen.site_url, work.env.health_path)
    count = PROBES_PER_INSTANCE * max(1, len(seen.instances))

    def look() -> Seen[bool]:
        answered = {answer.instance for answer in probe.ask([url] * count)}
        still = sorted(names & answered)
        return Seen(
            what=f"{', '.join(still)} still gets connections",
            value=None if still else True,
        )

    _hope(work, f"{seen.site_url} without {', '.join(sorted(names))}", look)


def _hope(work: Work, goal: str, look: Callable[[], Seen[bool]]) -> None:
    """Wait for what an upgrade can do without."""
    try:
        wait_until(
            goal,
            look,
            timeout_s=TIMEOUT_S,
            interval_s=min(INTERVAL_S, work.azure.endpoint.probe_s / 10),
            fix="",
            progress=work.progress,
        )
    except WaitTimedOut as error:
        work.progress(f"{error.what}: see drain_command; going on")


def _rest(work: Work, seconds: float) -> None:
    until = time.monotonic() + seconds

    def look() -> Seen[bool]:
        over = time.monotonic() >= until
        return Seen(what="requests under way may finish", value=True if over else None)

    wait_until(
        f"the end of the {seconds:g} s of draining",
        look,
        timeout_s=seconds + 1,
        interval_s=max(seconds, INTERVAL_S),
        fix="",
        progress=work.progress,
    )
