"""pytest's door to the harness: options, marks, fixtures, roles; no logic.

A project loads it in its top-level ``conftest.py``:
``pytest_plugins = ["release.plugin"]``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator

import pytest

from release import doctor
from release.coordination import beginning, collection, evidence, refused, retry
from release.coordination.collection import RUN
from release.coordination.controller import Controller
from release.coordination.outcomes import RERUN
from release.coordination.selection import Mode
from release.coordination.worker import Worker
from release.errors import ReleaseError
from release.fixtures import (
    browser,
    canary,
    comparison,
    deployment,
    gate,
    image,
    load,
    page_load,
    release_driver,
    release_load,
    release_run,
    settings,
    site,
)
from release.options import OPTIONS
from release.redaction import conceal_python

__all__ = [
    "browser",
    "canary",
    "comparison",
    "deployment",
    "gate",
    "image",
    "load",
    "page_load",
    "release_driver",
    "release_load",
    "release_run",
    "settings",
    "site",
]

MARKS = (
    "smoke: a browser test of the deployed service (set for tests/smoke)",
    "load: a gate on measured load (set for tests/load)",
    "essential: a smoke test that also proves a rollback",
    "destructive: changes data; refused unless the environment is disposable",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("release")
    for option in OPTIONS:
        group.addoption(option.flag, **option.arguments())


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read settings and take a role: controller or worker.

    Raises:
        UsageError: Settings or options are wrong.
    """
    conceal_python()
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    if beginning.only_asks(config):
        return
    try:
        if config.getoption("release_env"):
            _take_role(config)
        else:
            beginning.check_named(config)
    except ReleaseError as error:
        raise pytest.UsageError(refused.keep(config, error)) from None


def _take_role(config: pytest.Config) -> None:
    given = beginning.given_settings(config)
    told = getattr(config, "workerinput", None)
    if told is not None:
        worker = Worker(beginning.join(config, given, told["release"]))
        config.stash[RUN] = worker.run
        config.pluginmanager.register(worker, "release-worker")
        worker.start()
        return
    chosen = beginning.choose(config)
    doctor.require(
        given,
        path=os.environ.get("PATH", ""),
        releases=chosen.mode is not Mode.ATTACH,
        bakes=not config.getoption("release_image_from"),
    )
    run, lock = beginning.begin(config, given, chosen)
    config.stash[RUN] = run
    controller = Controller(
        run,
        lock,
        keep_failed=config.getoption("release_keep_failed"),
        verbose=config.getoption("verbose", 0) > 0,
    )
    config.pluginmanager.register(controller, "release-controller")
    controller.start(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each threshold."""
    collection.make_gates(metafunc)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Mark tests by folder, refuse what may not run."""
    found = list(items)
    yield
    # What could not be collected is told by pytest, and then no test runs.
    is_whole = not session.testsfailed
    collection.arrange(config, items, found=found, is_whole=is_whole)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Put smoke before load, after all that ``--ff`` and the like reorder."""
    collection.put_in_order(session.config, session.items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip gates after something that they need has failed."""
    collection.skip_after_failure(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> bool | None:
    """Try a failed smoke test again, where that is set."""
    return retry.run(item, nextitem) or None


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show a failure that is followed by another try."""
    return retry.STATUS if str(report.outcome) == RERUN else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep evidence of a browser test that failed, and no secret."""
    report = yield
    evidence.add(item, report)
    evidence.conceal(report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_internalerror(excrepr: object) -> None:
    """Keep secrets out of an error within pytest or a plugin."""
    evidence.conceal_error(excrepr)


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """Keep secrets out of warnings."""
    evidence.conceal_warning(warning_message)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[
    None, pytest.CollectReport, pytest.CollectReport
]:
    """Keep secrets out of what could not be collected."""
    report = yield
    evidence.conceal(report)
    return report
