"""The sample project with a service that can be made worse, and its instances."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sample

from release import environments
from release.azure.clients import Azure
from release.deploy import Instance, guest, observe
from release.settings import Settings, load
from release.settings.model import Canary as Rules
from release.wait import Seen, wait_until

HERE = Path(__file__).parent
SERVICE = "app/image/rocdash.service"
PACKAGE = "app/src/rocdash"
ENVIRONMENT = "local"
SWITCH = "/run/worse.json"
BOOT_S = 20.0
NOTHING = {"endpoint": "", "delay_ms": 0, "error_ratio": 0}
"""What the switch says when nothing is to be worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What is deployed, and how to reach its switches."""

    settings: Settings
    azure: Azure
    instances: tuple[Instance, ...]

    def boot(self, hows: Mapping[Instance, Mapping[str, Any]]) -> None:
        """Start instances' services anew, with what is to be worse there.

        Two processes of one build differ by some percent for as long as they live. So
        each run has its own, as each release has. Azure runs the commands.
        """
        begun = [
            (each, guest.begin(self.azure, self.settings.env, each, _script(how)))
            for each, how in hows.items()
        ]
        for each, poller in begun:
            guest.finish(self.azure, each, poller)
        for each in hows:
            url = f"http://{each.address}{self.settings.env.health_path}"
            wait_until(
                f"{each.name} after its restart",
                partial(_look, url),
                timeout_s=BOOT_S,
                interval_s=0.1,
                fix="see the instance's journal",
            )


def _script(how: Mapping[str, Any]) -> str:
    return (
        f"echo '{json.dumps(how)}' >{SWITCH} && chmod 0644 {SWITCH} && "
        "systemctl restart rocdash.service"
    )


def _look(url: str) -> Seen[bool]:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return Seen(what="answers", value=True)
    except OSError as error:
        return Seen(what=str(error))


def at(project: Path, options: Mapping[str, str]) -> Service:
    """Return the two instances of a project, made and released when there are none."""
    if not project.exists():
        make(project)
    settings = load(project, ENVIRONMENT, options=options, variables={})
    azure = environments.connect(settings)
    if observe(azure, settings.env) is None:
        _released(project)
    healthy = wait_until(
        "two healthy instances",
        partial(_healthy, azure, settings),
        timeout_s=BOOT_S,
        interval_s=0.5,
        fix=f"see python -m release status --env {ENVIRONMENT}",
    )
    return Service(settings=settings, azure=azure, instances=healthy)


def _healthy(azure: Azure, settings: Settings) -> Seen[tuple[Instance, ...]]:
    """Return the healthy instances; those of an Azure that has just begun boot yet."""
    deployed = observe(azure, settings.env)
    if deployed is None:
        return Seen(what="no scale set")
    healthy = tuple(each for each in deployed.instances if each.healthy)
    return Seen(
        what=f"{len(healthy)} healthy", value=healthy if len(healthy) > 1 else None
    )


def rules(root: Path, options: Mapping[str, str]) -> Rules:
    """Return the canary's settings of the sample project."""
    return load(root, ENVIRONMENT, options=options, variables={}).env.canary


def make(project: Path) -> None:
    """Make a copy of the sample project whose service has the switch."""
    made = project.with_name(f"{project.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    sample.copy_to(made)
    shutil.copy2(HERE / "worse.py", made / PACKAGE / "worse.py")
    carry(made, NOTHING)
    unit = made / SERVICE
    text = unit.read_text(encoding="utf-8")
    worse = text.replace("rocdash.web:create_app()", "rocdash.worse:create_app()")
    if worse == text:
        raise SystemExit(f"{SERVICE} does not start rocdash.web:create_app() any more")
    unit.write_text(worse, encoding="utf-8")
    made.rename(project)


def carry(project: Path, how: Mapping[str, Any]) -> None:
    """Make the next build of a project worse, from its source on."""
    text = json.dumps(how)
    (project / PACKAGE / "worse.json").write_text(text, encoding="utf-8")


def release(project: Path) -> subprocess.CompletedProcess[str]:
    """Release a project as its developers do; return how that ended."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--env", ENVIRONMENT],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _released(project: Path) -> None:
    done = release(project)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nthe sample service could not be released")
