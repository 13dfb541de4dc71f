"""What the canary finds, and what it takes for worse, in many runs of known truth.

Two instances of the sample service run on the embedded Azure, behind their own NAT
addresses. For each run one of them is the new build. It is the same image, and for the
time of the run a switch in the instance makes one endpoint slower or lets it fail.
Prints how often the canary said so, beside what a fixed p95 limit and a Mann-Whitney
test say of the same answers.

Each run is kept with all its pairs: ``--rejudge FOLDER`` judges them anew, without a
load. Runs that are there are not made again, so it can be done in slices: ``--for 280``
begins no run that could end later, and leaves the instances up for the next slice.

``--releases 10`` makes whole releases instead, see `canary_releases`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import busyness
import canary_project
import canary_releases
import canary_table
import sample
from canary_project import Service
from canary_runs import CONDITIONS, Condition, Run
from rich.console import Console

from release import environments
from release.deploy import Instance
from release.load import profile, side_by_side
from release.settings.model import Canary as Rules

ENDPOINT = "GET /ask"
FOLDER = sample.ROOT / ".release" / "bench-canary"
MARGIN_S = 8.0
"""What a run takes beside its load: Locust's start and end, and the switch."""
OPTIONS = {
    "canary.users": "32",
    "canary.warmup_s": "2",
    "canary.least_s": "10",
    "canary.most_s": "45",
    "canary.effect_ratio": "0.1",
}
"""The canary's settings, where --set says nothing."""
WIDTH = 120
"""Columns that the tables need."""
CALIBRATION = Condition(name="calibration", runs=1)


def main() -> int:
    """Make the runs that are missing, and print the table."""
    given = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    if given.releases:
        return canary_releases.main(given.folder / "releases", given, console)
    folder = given.rejudge or given.folder
    options = dict(each.split("=", 1) for each in given.set)
    options = {**OPTIONS, **options}
    if not given.rejudge:
        project = given.folder / "project"
        service = canary_project.at(project, options)
        wanted = [each for each in CONDITIONS if each.name in given.only]
        done = _make(service, given, wanted, console)
        service.azure.close()
        if done and not given.keep:
            environments.down(project, forget=True)
            shutil.rmtree(project)
    rules = canary_project.rules(sample.ROOT, options)
    canary_table.show(console, read(folder), rules)
    return 0


def _options() -> argparse.Namespace:
    names = [each.name for each in CONDITIONS]
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, default=FOLDER, help="for the runs")
    options.add_argument("--rejudge", type=Path, help="a folder of runs to judge anew")
    options.add_argument("--only", nargs="+", choices=names, default=names)
    options.add_argument("--runs", type=int, help="of each, in place of 40 and 20")
    options.add_argument("--for", type=float, dest="for_s", default=float("inf"))
    options.add_argument("--releases", type=int, help="make whole releases instead")
    options.add_argument("--whole", action="store_true", help="end no run early")
    options.add_argument("--keep", action="store_true", help="leave instances up")
    options.add_argument("--endpoint", default=ENDPOINT, help="which gets worse")
    options.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="as pytest's"
    )
    return options.parse_args()


def read(folder: Path) -> list[Run]:
    """Return the runs that a folder holds."""
    paths = sorted((folder / "runs").glob("*.json"))
    return [Run.from_json(json.loads(path.read_text("utf-8"))) for path in paths]


def _make(
    service: Service,
    given: argparse.Namespace,
    wanted: Sequence[Condition],
    console: Console,
) -> bool:
    """Make runs until all are there; return whether they are."""
    ends_at = time.monotonic() + given.for_s
    last: Run | None = None
    for condition, number in [(CALIBRATION, 1), *_order(wanted, given.runs)]:
        path = given.folder / "runs" / f"{condition.name}-{number:02}.json"
        if path.exists():
            continue
        longest_s = service.settings.env.canary.most_s + MARGIN_S
        if time.monotonic() + longest_s > ends_at:
            return False
        last = last or _newest(given.folder)
        last = _run(service, condition, number, given, last)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(last.as_json()), encoding="utf-8")
        console.print(canary_table.line(last, service.settings.env.canary))
    return True


def _order(
    wanted: Sequence[Condition], runs: int | None
) -> Iterable[tuple[Condition, int]]:
    """Mix the conditions, so that what the machine does meanwhile meets all alike."""
    todo = [
        (number / (runs or each.runs), each.name, each, number)
        for each in wanted
        for number in range(1, (runs or each.runs) + 1)
    ]
    return [(condition, number) for *_, condition, number in sorted(todo, key=_rank)]


def _rank(todo: tuple[float, str, Condition, int]) -> tuple[float, str]:
    return todo[:2]


def _newest(folder: Path) -> Run | None:
    runs = read(folder)
    return max(runs, key=lambda run: run.began_at) if runs else None


def _run(
    service: Service,
    condition: Condition,
    number: int,
    given: argparse.Namespace,
    last: Run | None,
) -> Run:
    """Make one run; what "slower" is in milliseconds, the run before it says."""
    first, second = service.instances[:2]
    new, old = (first, second) if random.random() < 0.5 else (second, first)  # noqa: S311
    median_ms = last.median_ms(given.endpoint) if last else 0.0
    delay_ms = condition.slower_ratio * median_ms
    worse = canary_project.NOTHING
    if condition.is_worse:
        worse = {
            "endpoint": given.endpoint,
            "delay_ms": round(delay_ms, 3),
            "error_ratio": condition.error_ratio,
        }
    service.boot({old: canary_project.NOTHING, new: worse})
    embedded = environments.running(service.settings.root)
    if embedded is None:
        raise SystemExit("the embedded Azure has ended")
    rules = service.settings.env.canary
    if given.whole:
        rules = rules.model_copy(update={"least_s": rules.most_s})
    began_at, before = datetime.now(UTC), busyness.read([embedded.pid])
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as folder:
        _compare(service, rules, new, old, Path(folder))
        pairs = tuple(side_by_side.read(Path(folder)))
    own, other = busyness.between(before, busyness.read([embedded.pid]))
    return Run(
        condition=condition.name,
        number=number,
        **worse,
        new=new.name,
        old=old.name,
        began_at=began_at.isoformat(),
        load_s=max((pair.at for pair in pairs), default=0.0),
        own_cpu_ratio=round(own, 3),
        other_cpu_ratio=round(other, 3),
        pairs=pairs,
    )


def _compare(
    service: Service, rules: Rules, new: Instance, old: Instance, folder: Path
) -> None:
    named = [
        side_by_side.Instance(name=each.name, url=f"http://{each.address}")
        for each in (new, old)
    ]
    side_by_side.compare(
        profile.profile(service.settings.env.load, service.settings.root),
        rules,
        new=named[0],
        old=named[1],
        folder=folder,
    )


if __name__ == "__main__":
    sys.exit(main())
