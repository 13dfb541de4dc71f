"""Earlier builds that a load may be compared with: they passed, under the same load."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from release.builds import records
from release.load.measurements import Measurements, read
from release.load.profile import Profile
from release.settings import Environment


def conditions(profile: Profile, env: Environment, *, instances: int) -> dict[str, Any]:
    """Return what must be equal for two runs to be comparable, as JSON values.

    Args:
        profile: The load.
        env: Where to.
        instances: How many answered.
    """
    load = asdict(profile)
    load.pop("locustfile")
    # Where they connect to, and how long they may take, changes no figure.
    if workers := load.pop("workers"):
        load["workers"] = workers["expect"]
    return {
        **load,
        "instance_size": env.instance_size,
        "instances": instances,
        "locustfile": digest(profile.locustfile),
    }


def digest(locustfile: Path) -> str:
    """Return the SHA-256 of a locustfile and what lies beside it and may be imported.

    Tests are left out: they judge the load, and do not send it.
    """
    found = hashlib.sha256()
    for path in sorted(locustfile.parent.rglob("*.py")):
        if not path.name.startswith(("test_", "conftest")):
            name = path.relative_to(locustfile.parent).as_posix()
            found.update(f"{name}\0{path.stat().st_size}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def earlier(
    archive: Path, wanted: dict[str, Any], *, builds: int
) -> dict[str, Measurements]:
    """Return what the last comparable builds measured, newest first, by build id.

    Args:
        archive: ``reports/<environment>``.
        wanted: What `conditions` says of the present run.
        builds: How many at the most.
    """
    found: dict[str, Measurements] = {}
    for path in records(archive, "*"):
        if len(found) == builds:
            break
        record = json.loads(path.read_text(encoding="utf-8"))
        load = record.get("load") or {}
        if record["verdict"] != "passed" or load.get("conditions") != wanted:
            continue
        measured = read(path.parent / "load")
        if measured is not None:
            found[record["build"]] = measured
    return found
