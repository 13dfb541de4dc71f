"""The load: sent, judged, compared with earlier builds, drawn."""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from release.builds import Build
from release.deploy import Deployed
from release.load import Comparison, Gate, Outcome
from release.settings import Settings
from release.settings.model import Thresholds
from release.stages.timing import LOAD, progress, stage

if TYPE_CHECKING:
    from release.load.measurements import Measurements
    from release.load.profile import Profile


def load(settings: Settings, build: Build, deployed: Deployed) -> dict[str, Any]:
    """Send the load, judge it, and compare it with earlier builds; all as JSON.

    Raises:
        LoadFailed: Locust could not run.
    """
    # They import numpy, which nothing before the load waits for.
    from release.load import baseline, profile  # noqa: PLC0415

    limits = settings.env.load.thresholds
    plan = profile.profile(settings.env.load, settings.root)
    conditions = baseline.conditions(
        plan, settings.env, instances=len(deployed.instances)
    )
    with stage(build.journal, LOAD):
        say = progress(build.journal, LOAD)
        importing = _import_soon()
        measured = _send(plan, limits, build, deployed, say)
        importing.join()
        from release.load import hdr_log, thresholds  # noqa: PLC0415

        gates = thresholds.judge(measured, limits)
        _tell(gates, say)
        compared = _compare(settings, build, measured, conditions, say)
        hdr_log.write(build.folder / "load", measured)
        return {
            "gates": [gate.as_json() for gate in gates],
            "summary": {
                **measured.summary(),
                "conditions": conditions,
                "comparisons": [each.as_json() for each in compared],
                **_draw(build, measured, limits, compared),
            },
        }


def _import_soon() -> threading.Thread:
    """Import SciPy and matplotlib, which take seconds, while the load starts."""

    def prepare() -> None:
        importlib.import_module("release.load.thresholds")
        importlib.import_module("release.load.pictures")
        # It stays until the end: no collection need look at it, and pytest makes five
        # as it ends.
        gc.freeze()

    thread = threading.Thread(target=prepare)
    thread.start()
    return thread


def _send(
    plan: Profile,
    limits: Mapping[str, Thresholds],
    build: Build,
    deployed: Deployed,
    say: Callable[[str], None],
) -> Measurements:
    from release.load import health, run  # noqa: PLC0415

    def give_up(so_far: Measurements) -> str:
        from release.load import hopeless  # noqa: PLC0415

        return hopeless.hopeless(so_far, limits)

    measured = run.run(
        plan,
        host=deployed.site_url.rstrip("/"),
        folder=build.folder / "load",
        progress=lambda live: say(str(live)),
        give_up=give_up,
    )
    if measured.ended_early:
        say(f"ended after {measured.time_s:.0f} s: {measured.ended_early}")
    if gone := health.lost(measured):
        say(gone)
    return measured


def _tell(gates: Sequence[Gate], say: Callable[[str], None]) -> None:
    kept = [gate for gate in gates if gate.outcome is Outcome.PASSED]
    for gate in gates:
        if gate not in kept:
            say(gate.text)
    say(f"{len(kept)} of {len(gates)} gates passed")


def _compare(
    settings: Settings,
    build: Build,
    measured: Measurements,
    conditions: dict[str, Any],
    say: Callable[[str], None],
) -> list[Comparison]:
    from release.load import baseline, compare  # noqa: PLC0415

    rules = settings.env.load.regression
    compared = compare.compare(
        measured,
        baseline.earlier(build.archive.parent, conditions, builds=rules.builds),
        compared_endpoints(settings),
        rules,
    )
    for each in compared:
        if each.outcome is Outcome.FAILED:
            say(each.text)
    return compared


def _draw(
    build: Build,
    measured: Measurements,
    limits: Mapping[str, Thresholds],
    compared: Sequence[Comparison],
) -> dict[str, Any]:
    from release.load import pictures  # noqa: PLC0415

    drawn = pictures.pictures(measured, limits, compared)
    for name, picture in drawn.items():
        path = build.folder / "load" / name
        path.write_text(picture["svg"], encoding="utf-8")
    return {
        "sentence": pictures.spoken(measured, compared),
        "pictures": pictures.as_json(drawn),
    }


def compared_endpoints(settings: Settings) -> list[str]:
    """Return the endpoints compared with earlier builds: those that have limits.

    All together are not: their mixture differs from run to run.
    """
    return [name for name in settings.env.load.thresholds if name != "*"]
