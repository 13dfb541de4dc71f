"""Which tests run, marked how, in what order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from release.coordination.outcomes import GROUPS
from release.coordination.run import Run

RUN = pytest.StashKey[Run]()


def group_of(path: Path, root: Path) -> str:
    """Return "smoke" or "load" for a file under tests/smoke or tests/load, else ""."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return next((group for group in GROUPS if parts[:2] == ("tests", group)), "")


def arrange(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by folder, put smoke before load, refuse what may not run.

    Raises:
        UsageError: A gate was selected without an environment, or a destructive test
            on one that is not disposable.
    """
    for item in items:
        group = group_of(item.path, config.rootpath)
        if group:
            item.add_marker(group)
    gates = [item for item in items if _group(item)]
    run = config.stash.get(RUN, None)
    if run is None:
        if gates:
            raise pytest.UsageError(
                f"{gates[0].nodeid} tests a deployed service: say which with --env"
            )
        return
    if not run.settings.env.disposable:
        _refuse_destructive(run.settings.environment, items)
    order = {"smoke": 0, "": 1, "load": 2}
    items.sort(key=lambda item: order[_group(item)])
    run.smoke_tests = tuple(i.nodeid for i in items if _group(i) == "smoke")


def _group(item: pytest.Item) -> str:
    return next((group for group in GROUPS if item.get_closest_marker(group)), "")


def _refuse_destructive(environment: str, items: Sequence[pytest.Item]) -> None:
    refused = [i for i in items if i.get_closest_marker("destructive")]
    if refused:
        names = "\n  ".join(item.nodeid for item in refused)
        raise pytest.UsageError(
            f"{len(refused)} destructive tests are selected, and environment "
            f"{environment} is not disposable:\n  {names}\n"
            f"  fix: leave them out with -m 'not destructive', or set "
            f"env.{environment}.disposable = true in release.toml"
        )


def skip_after_failure(item: pytest.Item) -> None:
    """Skip a gate once something that it needs has failed: one failure is enough."""
    run = item.config.stash.get(RUN, None)
    if run is None or not _group(item):
        return
    failed = run.once.failed()
    if failed:
        pytest.skip(f"not run: {failed} failed")


def make_gates(metafunc: pytest.Metafunc) -> None:
    """Make one test of each endpoint and threshold, for tests that ask for `gate`."""
    if "gate" not in metafunc.fixturenames:
        return
    run = metafunc.config.stash.get(RUN, None)
    chosen = run.settings.env.load.thresholds if run else {}
    limits = [
        (endpoint, metric)
        for endpoint, thresholds in chosen.items()
        for metric in thresholds.limits()
    ]
    metafunc.parametrize(
        "gate",
        limits,
        indirect=True,
        ids=[f"{endpoint} {metric}" for endpoint, metric in limits],
    )
