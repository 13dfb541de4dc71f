"""What a test may ask for: image, deployment, site, browser, load, gate.

Session fixtures do the release: each asks `Once` for its stage, so that it happens
once a build in whichever process asks first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from release import browser as browsers
from release import stages
from release.azure.gallery import Image
from release.coordination import pages, waiting
from release.coordination.collection import RUN
from release.coordination.once import NotRun
from release.coordination.outcomes import GATE
from release.coordination.run import Run
from release.deploy.deployed import Deployed
from release.errors import CanaryUnclear, ReleaseError
from release.journal import Kind
from release.load import Canary, Comparison, Gate
from release.report.record import PAGE, TOOLS
from release.settings import Settings

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The deployed service, as a test sees it."""

    url: str
    """Address of the site on the load balancer, without a slash at the end."""
    environment: str
    build: str
    """The build whose image the instances run."""


@pytest.fixture(scope="session")
def release_run(pytestconfig: pytest.Config) -> Run:
    """Return this run: settings, mode, build, journal."""
    run = pytestconfig.stash.get(RUN, None)
    if run is None:
        pytest.fail("this test needs an environment: --env NAME", pytrace=False)
    return run


@pytest.fixture(scope="session")
def settings(release_run: Run) -> Settings:
    """Return the settings of the environment."""
    return release_run.settings


def _once(run: Run, name: str, work: Callable[[], Any]) -> Any:
    """Return a stage's result; fail the first test that asks, skip the others."""
    skipped = failed = ""
    try:
        found = run.once.get(name, work)
    except (NotRun, CanaryUnclear) as error:
        skipped = error.what
    except ReleaseError as error:
        failed = str(error)
    else:
        return found
    # Outside of the handlers: nobody wants to read where our own error came from.
    if skipped:
        pytest.skip(skipped)
    pytest.fail(failed, pytrace=False)


@pytest.fixture(scope="session")
def image(release_run: Run) -> Image:
    """Return the image that this release deploys, baked or reused."""
    run = release_run
    if not run.releases:
        pytest.skip("an attached run has no image of its own")
    return Image.from_json(
        _once(
            run,
            "image",
            lambda: _image(run).to_json(),
        )
    )


def _image(run: Run) -> Image:
    """Bake, or take what passed elsewhere."""
    if run.source is None:
        return stages.bake(run.settings, run.build, run.azure)
    return stages.promote(run.settings, run.source, run.build, run.azure)


@pytest.fixture(scope="session")
def deployment(release_run: Run, request: pytest.FixtureRequest) -> Deployed:
    """Return what is deployed: by this release, or found there when attached."""
    run = release_run
    if run.releases:
        made: Image = request.getfixturevalue("image")
        return Deployed.from_json(
            _once(
                run,
                "deployment",
                lambda: stages.deploy(
                    run.settings, run.build, run.azure, made
                ).to_json(),
            )
        )
    return Deployed.from_json(
        _once(
            run,
            "deployment",
            lambda: stages.attach(run.settings, run.azure, seen=run.seen).to_json(),
        )
    )


@pytest.fixture(scope="session")
def site(release_run: Run, deployment: Deployed) -> Site:
    """Return the deployed site."""
    return Site(
        url=deployment.site_url.rstrip("/"),
        environment=release_run.settings.environment,
        build=deployment.build,
    )


@pytest.fixture(scope="session")
def release_driver(
    request: pytest.FixtureRequest,
    release_run: Run,
    pytestconfig: pytest.Config,
    site: Site,
) -> Generator[WebDriver, None, None]:
    """Return this worker's browser, started for its first test."""
    del site  # nothing to look at without one
    (*_, only) = pytestconfig.getoption("release_browser")
    kind = getattr(request, "param", only)
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(
                browsers.started(
                    browsers.Kind(kind),
                    headed=pytestconfig.getoption("release_headed"),
                    grid=pytestconfig.getoption("release_grid") or "",
                    log=release_run.build.folder / "logs" / f"driver-{kind}.log",
                )
            )
        except ReleaseError as error:
            pytest.fail(str(error), pytrace=False)
        release_run.journal.write(
            Kind.VALUE, name=f"{TOOLS} {kind}", value=browsers.versions(started)
        )
        yield started


@pytest.fixture
def browser(release_driver: WebDriver) -> Generator[WebDriver, None, None]:
    """Return a browser with a clean session: no cookies, no storage, one window."""
    yield release_driver
    browsers.clean(release_driver)


@pytest.fixture
def page_load(
    request: pytest.FixtureRequest, release_run: Run, site: Site, browser: WebDriver
) -> Gate:
    """Return the judged gate of one page of `smoke.pages_ms`, loaded in the browser."""
    path, limit_ms = request.param
    times, status = browsers.load_times_ms(
        browser, site.url + path, count=release_run.settings.env.smoke.page_samples
    )
    found = pages.judge(path, times, status, limit_ms)
    name = browser.capabilities["browserName"]
    release_run.journal.write(
        Kind.VALUE,
        name=f"{PAGE}{name} {path}",
        value=found.as_json() | {"browser": name},
    )
    request.node.user_properties += [
        (GATE, str(found.outcome)),
        ("measured", f"{found.measured} {found.unit}"),
        ("limit", f"{found.limit} {found.unit}"),
        ("margin", f"{found.margin} {found.unit}"),
        ("samples", found.samples),
    ]
    return found


@pytest.fixture(scope="session")
def release_load(release_run: Run, deployment: Deployed) -> dict[str, Any]:
    """Send the load, after all smoke tests and alone; return what it came to."""
    run = release_run
    waiting.for_smoke(run)
    if run.releases and waiting.red(run):
        pytest.skip("not run: a smoke test failed")
    found: dict[str, Any] = _once(
        run, "load", lambda: stages.load(run.settings, run.build, deployment)
    )
    return found


@pytest.fixture(scope="session")
def load(release_load: dict[str, Any]) -> list[Gate]:
    """Return the judged gates of the load."""
    return [Gate.from_json(raw) for raw in release_load["gates"]]


@pytest.fixture
def gate(request: pytest.FixtureRequest, load: list[Gate]) -> Gate:
    """Return the judged gate of one endpoint and threshold."""
    endpoint, metric = request.param
    found = next(g for g in load if (g.endpoint, g.metric) == (endpoint, metric))
    request.node.user_properties += [
        (GATE, str(found.outcome)),
        ("measured", f"{found.measured} {found.unit}"),
        ("limit", f"{found.limit} {found.unit}"),
        ("samples", found.samples),
    ]
    return found


@pytest.fixture
def comparison(
    request: pytest.FixtureRequest, release_load: dict[str, Any]
) -> Comparison:
    """Return one percentile of one endpoint, compared with earlier builds."""
    found = next(
        Comparison.from_json(raw)
        for raw in release_load["summary"]["comparisons"]
        if (raw["endpoint"], raw["metric"]) == request.param
    )
    request.node.user_properties += [
        (GATE, str(found.outcome)),
        ("measured", f"{found.measured_ms} ms"),
        ("earlier", f"{found.earlier_ms} ms"),
    ]
    return found


@pytest.fixture
def canary(request: pytest.FixtureRequest, release_run: Run) -> Canary:
    """Return the first upgraded instance against an old one, judged."""
    journal = release_run.journal
    try:
        request.getfixturevalue("deployment")
    except (pytest.fail.Exception, pytest.skip.Exception):
        if journal.value(stages.CANARY) is None:
            raise
    found = Canary.from_json(journal.value(stages.CANARY))
    request.node.user_properties.append((GATE, str(found.outcome)))
    return found
