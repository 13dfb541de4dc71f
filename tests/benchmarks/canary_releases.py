"""Whole releases with a canary: of the same again, and of a build that is slower.

Each is a new build, an image and all, released as its developers do: so many that
change nothing, half of them while another process burns a core, and as many that take
a fifth longer at the slowest endpoint, as the canaries before measured it. They take
turns; each is kept in a file, and those that are there are not made again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import busyness
import canary_project
from rich.console import Console
from rich.table import Table

from release import environments
from release.load import side_by_side

ENDPOINT = "POST /login"
"""The slowest of the sample service: it hashes a password."""
SLOWER_RATIO = 0.2
LONGEST_S = 110.0
"""No release takes longer."""
BURN = "while True: pass"
KINDS = ("same", "same, a core burnt", "slower")


def main(folder: Path, given: argparse.Namespace, console: Console) -> int:
    """Make the releases that are missing; return 1 when one ended wrongly."""
    ends_at = time.monotonic() + given.for_s
    project = folder / "project"
    if not project.exists():
        canary_project.make(project)
        first = canary_project.release(project)
        if first.returncode:
            raise SystemExit(f"{first.stdout}\nthe first release did not pass")
    for kind, number in _todo(given.releases):
        path = folder / f"{number:02}.json"
        if path.exists():
            continue
        if time.monotonic() + LONGEST_S > ends_at:
            break
        found = _release(project, kind, number)
        path.write_text(json.dumps(found), encoding="utf-8")
        console.print(_line(found))
    else:
        if not given.keep:
            environments.down(project, forget=True)
            shutil.rmtree(project)
    found = [
        json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
    ]
    _show(console, found)
    return 0 if all(map(_is_right, found)) else 1


def _todo(count: int) -> Iterator[tuple[str, int]]:
    """Let kinds take turns; the first is of the same, which says how slow slower is."""
    for number in range(count):
        yield KINDS[number % 2], 2 * number + 1
        yield KINDS[2], 2 * number + 2


def _release(project: Path, kind: str, number: int) -> dict[str, Any]:
    """Release once; return what came of it."""
    worse: dict[str, Any] = dict(canary_project.NOTHING)
    if kind == "slower":
        worse |= {
            "endpoint": ENDPOINT,
            "delay_ms": SLOWER_RATIO * _usual_ms(project),
        }
    # The number makes a build of its own of it.
    canary_project.carry(project, {**worse, "release": number})
    embedded = environments.running(project)
    if embedded is None:
        raise SystemExit("the embedded Azure has ended")
    before = busyness.read([embedded.pid])
    with _burning() if "burnt" in kind else contextlib.nullcontext():
        done = canary_project.release(project)
        after = busyness.read([embedded.pid])
    archived = max(project.glob("reports/local/*/release.json")).parent
    record = json.loads((archived / "release.json").read_text("utf-8"))
    return {
        "kind": kind,
        "number": number,
        **worse,
        "old_ms": _median_ms(archived / "canary"),
        "status": done.returncode,
        "took_s": after.at - before.at,
        "other_cpu_ratio": busyness.between(before, after)[1],
        **{name: record[name] for name in ("verdict", "reason", "canary", "stages")},
    }


@contextlib.contextmanager
def _burning() -> Iterator[None]:
    """Burn a core, as another's process."""
    with subprocess.Popen([sys.executable, "-c", BURN]) as child:
        try:
            yield
        finally:
            child.kill()


def _usual_ms(project: Path) -> float:
    """Return the endpoint's median at old instances, of all canaries so far."""
    return median(map(_median_ms, project.glob("reports/local/*/canary")))


def _median_ms(folder: Path) -> float:
    return median(
        pair.old
        for pair in side_by_side.read(folder)
        if pair.endpoint == ENDPOINT and pair.old is not None
    )


def _is_right(found: dict[str, Any]) -> bool:
    canary = found["canary"] or {"outcome": ""}
    if found["kind"] != "slower":
        return found["status"] == 0 and canary["outcome"] == "passed"
    return (
        found["status"] == 1
        and canary["outcome"] == "failed"
        and f"{ENDPOINT}: " in canary["text"]
    )


def _line(found: dict[str, Any]) -> str:
    word = "as it should" if _is_right(found) else "WRONG"
    said = found["reason"] or (found["canary"] or {"text": ""})["text"]
    return (
        f"{found['number']} {found['kind']}: {word}, {found['verdict']} after "
        f"{found['took_s']:.1f} s, others used {found['other_cpu_ratio']:.0%} of the "
        f"machine: {said}"
    )


def _show(console: Console, found: Sequence[dict[str, Any]]) -> None:
    table = Table(title="whole releases with a canary", title_justify="left")
    table.add_column("new build")
    for name in (
        "releases",
        "right",
        "whole, s",
        "longest, s",
        "canary, s",
        "added ms",
    ):
        table.add_column(name, justify="right")
    for kind in KINDS:
        own = [each for each in found if each["kind"] == kind]
        if own:
            whole = [each["took_s"] for each in own]
            table.add_row(
                kind,
                str(len(own)),
                str(sum(map(_is_right, own))),
                f"{median(whole):.1f}",
                f"{max(whole):.1f}",
                f"{median(map(_canary_s, own)):.1f}",
                f"{median(each['delay_ms'] / each['old_ms'] for each in own):.0%}",
            )
    console.print(table)


def _canary_s(found: dict[str, Any]) -> float:
    return sum(
        stage["duration_s"] for stage in found["stages"] if stage["name"] == "canary"
    )
