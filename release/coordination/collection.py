"""Which tests run, marked how, in what order."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from release import settings, stages
from release.browser import programs
from release.coordination.outcomes import GROUPS, NAME
from release.coordination.run import Run
from release.errors import ToolMissing
from release.journal import Kind
from release.load import compared
from release.stages import PREFLIGHT

REFUSED = "refused"
BROWSERS = {"browser", "release_driver"}
"""Fixtures that need a browser."""
JUDGED = {"gate": "", "comparison": " against earlier builds"}
"""Fixtures that make a test of each endpoint and metric; what its name ends in."""
EACH = (*JUDGED, "page_load")
"""Fixtures that make a test of each of something, or none."""
DEPLOYED = "deployment"
"""The fixture that releases."""
LOADED = "release_load"
"""The fixture that sends the load."""
RUN = pytest.StashKey[Run]()


def group_of(path: Path, root: Path) -> str:
    """Return "smoke" or "load" for a file under tests/smoke or tests/load, else ""."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return next((group for group in GROUPS if parts[:2] == ("tests", group)), "")


def arrange(
    config: pytest.Config,
    items: list[pytest.Item],
    *,
    found: Sequence[pytest.Item],
    is_whole: bool,
) -> None:
    """Mark tests by folder, and refuse what may not run.

    Args:
        config: Of the run.
        items: The tests.
        found: Those that were collected, before any was left out.
        is_whole: Whether all could be collected.

    Raises:
        UsageError: A gate was selected without an environment, a destructive test
            on one that is not disposable, or a browser test without a browser; or a
            release has no gate, or not all of them.
    """
    run = config.stash.get(RUN, None)
    missing = _left_out(found, items, config.rootpath)
    items[:] = [item for item in items if not _is_needless(item, run)]
    for item in items:
        group = group_of(item.path, config.rootpath)
        if group:
            item.add_marker(group)
        _name(item)
    if run is None:
        _refuse_gates(config, items)
        return
    refused = _refused(run, config, items)
    if run.releases:
        if is_whole:
            refused = refused or _gateless(run.settings, items)
            refused = refused or _incomplete(run.settings, missing)
        for item in items:
            _deploy_before(item)
    if refused and hasattr(config, "workerinput"):
        # An error here would reach nobody: the controller reads it, and ends.
        run.journal.write(Kind.VALUE, name=REFUSED, value=refused)
        items.clear()
    elif refused:
        raise pytest.UsageError(refused)
    smoke_tests = [item for item in items if _group(item) == "smoke"]
    run.smoke_tests = tuple(item.nodeid for item in smoke_tests)
    if config.pluginmanager.hasplugin("timeout") and not _has_own_limit(config):
        _limit(smoke_tests, run.settings.env.smoke.timeout_s)


def _has_own_limit(config: pytest.Config) -> bool:
    """Tell whether pytest-timeout was told of a limit for all tests, or of none."""
    given = config.getoption("timeout"), os.environ.get("PYTEST_TIMEOUT")
    return given != (None, None) or bool(config.getini("timeout"))


def _limit(items: Sequence[pytest.Item], timeout_s: float) -> None:
    """Limit the time of tests that have no limit of their own.

    What their fixtures take does not count: the first of them makes the release. By a
    signal: the other way to interrupt a test ends its process, which is to undo it.
    """
    mark = pytest.mark.timeout(timeout_s, method="signal", func_only=True)
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(mark)


def _deploy_before(item: pytest.Item) -> None:
    """Have a gate ask for the deployment: one that passed on the old build proves none.

    The canary's own test does so itself, and reads what became of a failed one.
    """
    if _group(item) and not _asks_for_canary(item):
        names = _fixtures(item)
        if names is not None and DEPLOYED not in names:
            names.insert(0, DEPLOYED)


def put_in_order(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put smoke before load: a load waits for the end of all smoke tests."""
    if RUN not in config.stash:
        return
    order = {"smoke": 0, "": 1, "load": 2}
    # The canary flies before anything else is tested.
    items.sort(key=lambda item: -1 if _asks_for_canary(item) else order[_group(item)])


def heed(run: Run) -> None:
    """End a run whose workers found that it may not be.

    Raises:
        UsageError: What one of them found.
    """
    refused = run.journal.value(REFUSED)
    if refused:
        raise pytest.UsageError(refused)


def _group(item: pytest.Item) -> str:
    return next((group for group in GROUPS if item.get_closest_marker(group)), "")


def _is_needless(item: pytest.Item, run: Run | None) -> bool:
    """Tell a test of a canary where none flies, and one of nothing to be judged.

    pytest makes the latter where there is nothing to make tests of.
    """
    if _asks_for_canary(item):
        return run is None or not (run.releases and run.settings.env.canary.enabled)
    return any(not isinstance(_params(item).get(name, ()), tuple) for name in EACH)


def _asks_for_canary(item: pytest.Item) -> bool:
    return "canary" in (_fixtures(item) or ())


def _fixtures(item: pytest.Item) -> list[str] | None:
    """Return the names of a test's fixtures; None where it can have none."""
    return getattr(item, "fixturenames", None)


def _params(item: pytest.Item) -> Mapping[str, Any]:
    call = getattr(item, "callspec", None)
    return call.params if call else {}


def _name(item: pytest.Item) -> None:
    """Give a gate its own name, which reports show, also where it is skipped."""
    for fixture, suffix in JUDGED.items():
        if fixture in _params(item):
            endpoint, metric = _params(item)[fixture]
            item.user_properties.append((NAME, f"{endpoint} {metric}{suffix}"))


def _refuse_gates(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    gates = [item for item in items if _group(item)]
    if not gates:
        return
    where = gates[0].path.relative_to(config.rootpath).parent.as_posix()
    names = ", ".join(settings.environments(config.rootpath))
    raise pytest.UsageError(
        f"{where} tests a deployed service, and --env does not say which\n"
        f"  fix: add --env NAME, with NAME one of {names}; it changes nothing there"
    )


def _refused(run: Run, config: pytest.Config, items: Sequence[pytest.Item]) -> str:
    """Return why these tests may not run, or ""."""
    env = run.settings.env
    if env.protected or not env.disposable:
        refused = [i for i in items if i.get_closest_marker("destructive")]
        if refused:
            return _destructive(run.settings, refused)
    browsers = any(set(_fixtures(item) or ()) & BROWSERS for item in items)
    if browsers and not config.getoption("release_grid"):
        try:
            for name in config.getoption("release_browser"):
                programs.find(programs.Kind(name))
        except ToolMissing as error:
            return str(error)
    return ""


def _gateless(given: settings.Settings, items: Sequence[pytest.Item]) -> str:
    """Return why a release could not pass, whatever it does, or ""."""
    groups = {_group(item) for item in items}
    environment = given.environment
    if "smoke" not in groups:
        return (
            f"no smoke test is there, and no release to {environment} passes without\n"
            "  fix: write one in tests/smoke, and see that pytest's testpaths names it"
        )
    if not any(_group(i) == "load" and LOADED in (_fixtures(i) or ()) for i in items):
        return (
            f"no load gate is there, and no release to {environment} passes without\n"
            f"  fix: give limits in [env.{environment}.load.thresholds], and have a "
            "test in tests/load that takes the fixture gate"
        )
    blind = [i.nodeid for i in items if _group(i) and _fixtures(i) is None]
    if blind:
        return (
            f"{blind[0]} can take no fixture, so it would not wait for the deployment "
            f"to {environment}\n"
            "  fix: make it a test function, or keep it out of pytest's testpaths"
        )
    return ""


def _left_out(
    found: Sequence[pytest.Item], items: Sequence[pytest.Item], root: Path
) -> list[str]:
    """Return the gates that were collected and are to run no more."""
    kept = {item.nodeid for item in items}
    gates = [item for item in found if group_of(item.path, root) or _group(item)]
    return [item.nodeid for item in gates if item.nodeid not in kept]


def _incomplete(given: settings.Settings, missing: Sequence[str]) -> str:
    """Return why a release may not run without some of its gates, or ""."""
    if not missing:
        return ""
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return (
        f"{missing[0]} was deselected{more}, and a release runs every gate\n"
        "  fix: leave out the option or plugin that does so; or only test what is "
        f"deployed: pytest --attach --env {given.environment}"
    )


def _destructive(given: settings.Settings, refused: Sequence[pytest.Item]) -> str:
    environment, protected = given.environment, given.env.protected
    allow = f", or set env.{environment}.disposable = true in release.toml"
    count = "1 test is" if len(refused) == 1 else f"{len(refused)} tests are"
    names = "\n  ".join(item.nodeid for item in refused)
    return (
        f"{count} destructive, and environment {environment} is "
        f"{'protected' if protected else 'not disposable'}:"
        f"\n  {names}\n"
        "  fix: leave such tests out with -m 'not destructive'"
        f"{'' if protected else allow}"
    )


def skip_after_failure(item: pytest.Item) -> None:
    """Skip a gate once something that it needs has failed: one failure is enough.

    Where the preflight stops a release, no test at all may begin.
    """
    run = item.config.stash.get(RUN, None)
    if run is None or _asks_for_canary(item):
        return
    failed = run.once.failed()
    if failed and (_group(item) or failed == PREFLIGHT):
        pytest.skip(f"not run: {failed} failed")


def make_gates(metafunc: pytest.Metafunc) -> None:
    """Make one test of each browser, page, threshold and comparison that is judged."""
    run = metafunc.config.stash.get(RUN, None)
    chosen_browsers = metafunc.config.getoption("release_browser")
    if "release_driver" in metafunc.fixturenames and len(chosen_browsers) > 1:
        metafunc.parametrize(
            "release_driver", chosen_browsers, indirect=True, scope="session"
        )
    if "page_load" in metafunc.fixturenames:
        pages = run.settings.env.smoke.pages_ms if run else {}
        metafunc.parametrize(
            "page_load", list(pages.items()), indirect=True, ids=list(pages)
        )
    if "gate" in metafunc.fixturenames:
        chosen = run.settings.env.load.thresholds if run else {}
        _one_each(
            metafunc,
            "gate",
            [(name, it) for name, limits in chosen.items() for it in limits.limits()],
        )
    if "comparison" in metafunc.fixturenames:
        judged = run is not None and run.settings.env.load.regression.judged
        chosen_names = stages.compared_endpoints(run.settings) if run and judged else []
        _one_each(metafunc, "comparison", compared(chosen_names))


def _one_each(
    metafunc: pytest.Metafunc, fixture: str, chosen: list[tuple[str, str]]
) -> None:
    metafunc.parametrize(
        fixture,
        chosen,
        indirect=True,
        ids=[f"{endpoint} {metric}" for endpoint, metric in chosen],
    )
