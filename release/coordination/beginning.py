"""How a run begins: settings, mode, build, reports."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import pytest

from release import builds, processes, settings, stages
from release.builds import Build
from release.coordination import protection
from release.coordination.lock import Lock
from release.coordination.run import Run
from release.coordination.selection import Mode, Selection, selection
from release.errors import UsageError
from release.journal import Kind
from release.report import html

_ASKS_ONLY = (
    *("help", "version", "markers", "cacheshow"),
    *("showfixtures", "show_fixtures_per_test"),
)


def only_asks(config: pytest.Config) -> bool:
    """Tell whether pytest is only asked about itself (``--help`` and the like)."""
    return any(getattr(config.option, name, None) for name in _ASKS_ONLY)


def check_named(config: pytest.Config) -> None:
    """Refuse a bare ``pytest``: it would be a release to nowhere.

    Raises:
        UsageError: Neither an environment nor a path was given.
    """
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    names = settings.environments(config.rootpath)
    raise UsageError(
        "--env is missing: a bare pytest is a release, and must know where to",
        fix=f"pytest --env NAME, with NAME one of {', '.join(names)}",
    )


def given_settings(config: pytest.Config) -> settings.Settings:
    """Read the settings of the environment that was named.

    Raises:
        ReleaseError: Some are wrong, or there is no such environment.
    """
    return settings.load(
        config.rootpath,
        config.getoption("release_env"),
        options=settings.assignments(config.getoption("release_set")),
        variables=os.environ,
    )


def choose(config: pytest.Config) -> Selection:
    """Choose to release or to attach.

    Raises:
        UsageError: The options do not fit.
    """
    _check_distribution(config)
    _check_grid(config)
    if getattr(config.option, "setuponly", False):
        raise UsageError(
            "--setup-only and --setup-plan end no test, and a load waits for the end "
            "of all smoke tests",
            fix="leave it out; --plan tells what a release would do",
        )
    if config.getoption("release_plan") and config.getoption("release_attach"):
        raise UsageError(
            "--plan tells of a release, and --attach makes none",
            fix="leave one of them out",
        )
    if config.getoption("release_plan"):
        # It runs no test, so it needs no worker.
        config.option.dist, config.option.tx = "no", []
    chosen = selection(
        plan=config.getoption("release_plan"),
        attach=config.getoption("release_attach"),
        named=config.args_source is not pytest.Config.ArgsSource.TESTPATHS,
        options=vars(config.option),
    )
    if chosen.releases and not hasattr(config.option, "htmlpath"):
        raise UsageError(
            "the report of a release is made by pytest-html, and it is not loaded",
            fix="leave out -p no:html; where plugins load only by name, add "
            "-p pytest_html.plugin",
        )
    return chosen


def source(
    config: pytest.Config, given: settings.Settings, chosen: Selection
) -> settings.Settings | None:
    """Read the settings of the environment that the image comes from, if any.

    Raises:
        ReleaseError: There is no such environment, or nothing is released.
    """
    name = config.getoption("release_image_from")
    if not name:
        return None
    if chosen.mode is Mode.ATTACH:
        raise UsageError(
            f"--image-from {name} is for a release, and this run only attaches",
            fix="leave out what narrows it: pytest --env "
            f"{given.environment} --image-from {name}",
        )
    return settings.source(given, name, variables=os.environ)


def begin(
    config: pytest.Config, given: settings.Settings, chosen: Selection
) -> tuple[Run, Lock | None]:
    """Begin a run; a release gets the environment's lock, which it has yet to take.

    Raises:
        ReleaseError: A protected environment, or the one that the image comes from,
            does not allow it.
    """
    home = source(config, given, chosen)
    if chosen.releases:
        confirmed = config.getoption("release_yes_release") or ""
        protection.check(given, confirmed=confirmed, variables=os.environ)
    build = builds.begin(given.root, given.environment, attached=not chosen.releases)
    run = Run(settings=given, selection=chosen, build=build, source=home)
    run.journal.write(
        Kind.BUILD_STARTED,
        build=build.id,
        environment=given.environment,
        mode=str(chosen.mode),
        commit=given.commit,
        process=processes.this().to_json(),
    )
    run.journal.write(Kind.VALUE, name=stages.OPTIONS, value=_options(config))
    if chosen.mode is not Mode.PLAN:
        _choose_reports(config, build)
    return run, Lock(given, build, os.environ) if chosen.releases else None


def join(
    config: pytest.Config, given: settings.Settings, told: Mapping[str, str]
) -> Run:
    """Join, as a worker, the run that the controller began."""
    chosen = Selection(mode=Mode(told["mode"]), reason=told["reason"])
    build = Build(
        id=told["build"],
        environment=given.environment,
        root=given.root,
        attached=not chosen.releases,
    )
    return Run(
        settings=given,
        selection=chosen,
        build=build,
        source=source(config, given, chosen),
    )


def _check_distribution(config: pytest.Config) -> None:
    """Allow only the order-keeping distribution: smoke first, load last."""
    chosen = getattr(config.option, "dist", "no")
    if chosen not in ("no", "load"):
        raise UsageError(
            f"--dist {chosen} would not keep smoke tests before load tests",
            fix="leave --dist out, or say --dist load",
        )


def _check_grid(config: pytest.Config) -> None:
    grid = config.getoption("release_grid")
    if grid and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", grid):
        raise UsageError(
            f"--grid {grid}: must be the address of a Selenium Grid",
            fix="such as http://127.0.0.1:4444",
        )


def _options(config: pytest.Config) -> list[str]:
    """Return the options that a rollback is to be proved with as well."""
    grid = config.getoption("release_grid")
    chosen = ["--browser", *config.getoption("release_browser")]
    given = [f"--set={each}" for each in config.getoption("release_set") or ()]
    return [*chosen, *(["--grid", grid] if grid else []), *given]


def _choose_reports(config: pytest.Config, build: Build) -> None:
    """Send pytest-html's report to the build's folder, and pytest's own.

    A run that attaches may do without either. The junit.xml of a release is made of
    its record.
    """
    option = config.option
    if build.attached and hasattr(option, "xmlpath"):
        option.xmlpath = option.xmlpath or str(build.folder / "junit.xml")
    if hasattr(option, "htmlpath"):
        option.htmlpath = option.htmlpath or str(build.folder / "report.html")
        option.self_contained_html = True
        option.css = [*option.css, str(html.STYLE)]
