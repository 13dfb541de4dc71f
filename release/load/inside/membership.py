"""Beside the recorder: who may take part in a load, and how they speak to each other.

Runs inside Locust and imports nothing of the harness. Locust's own messages carry all
of it, so workers share nothing with the master but the way to its port:

- ``recorder_hello``, to the master: who a worker is, and with what it would send.
- ``recorder_plan``, to a worker: it is let in; what it is to send and to measure.
- ``recorder_refused``, to a worker: it is not, why, and what to do.
- ``recorder_told``, to the master: events of a worker, in numbered batches.
- ``recorder_end``, to a worker: end the load and tell the rest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

import locust

HELLO = "recorder_hello"
PLAN = "recorder_plan"
REFUSED = "recorder_refused"
TOLD = "recorder_told"
END = "recorder_end"


def identity(locustfiles: Iterable[str]) -> dict[str, str]:
    """Return with what this process would send: Locust, recorder, locustfile."""
    here = Path(__file__).parent
    return {
        "locust": locust.__version__,
        "recorder": _digest({path.name: path for path in here.glob("*.py")}),
        "locustfile": _digest(_sources(Path(path).resolve() for path in locustfiles)),
    }


def _sources(locustfiles: Iterable[Path]) -> dict[str, Path]:
    """Return the user's files and what they have imported from their own folders."""
    found: dict[str, Path] = {}
    files = [path for path in locustfiles if path.parent != Path(__file__).parent]
    imported = [
        Path(there).resolve()
        for module in list(sys.modules.values())
        if (there := getattr(module, "__file__", None)) and there.endswith(".py")
    ]
    for file in files:
        found[file.name] = file
        for path in imported:
            inside = path.is_relative_to(file.parent)
            if inside and "site-packages" not in path.parts:
                found[path.relative_to(file.parent).as_posix()] = path
    return found


def _digest(files: dict[str, Path]) -> str:
    found = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:12]


def objection(release: dict[str, str], worker: dict[str, str]) -> dict[str, str]:
    """Return ``what`` is wrong with a worker and its ``fix``; nothing if it is well."""
    fixes = {
        "locust": f"install Locust {release['locust']} where the worker runs",
        "recorder": "install the release's pytest-release where the worker runs",
        "locustfile": "copy the folder of the release's locustfile to the worker",
    }
    for name, fix in fixes.items():
        if worker[name] != release[name]:
            other = f"it has {name} {worker[name]}, the release has {release[name]}"
            return {"what": other, "fix": fix}
    return {}
