"""The stages of a release, each run, timed and recorded; and how it ends.

Each function is one step of the route; fixtures and the controller call them.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from release import bake as baking
from release import builds, environments
from release import deploy as deploying
from release.azure import gallery, groups, promotion
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.bake import packer
from release.builds import Build
from release.deploy import Batch, Deployed, Target
from release.errors import (
    BakeFailed,
    CanaryFailed,
    CanaryUnclear,
    DeployFailed,
    ReleaseError,
)
from release.journal import Journal, Kind
from release.load import Canary, Outcome
from release.settings import Settings

PREFLIGHT = "preflight"
BAKE = "bake"
DEPLOY = "deploy"
CANARY = "canary"
LOAD = "load"
ROLLBACK = "rollback"
INCONCLUSIVE = "inconclusive"
ESSENTIAL_TIMEOUT_S = 300
BUILD_TIMEOUT_S = 900


@contextlib.contextmanager
def stage(journal: Journal, name: str) -> Iterator[None]:
    """Record a stage: that it started, how it ended, how long it took."""
    journal.write(Kind.STAGE_STARTED, stage=name)
    started = time.monotonic()

    def finished(outcome: str, error: str = "") -> None:
        journal.write(
            Kind.STAGE_FINISHED,
            stage=name,
            outcome=outcome,
            duration_s=round(time.monotonic() - started, 3),
            error=error,
        )

    try:
        yield
    except CanaryUnclear as error:
        finished(INCONCLUSIVE, str(error))
        raise
    except ReleaseError as error:
        finished("failed", str(error))
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            finished("interrupted", str(error) or "Ctrl-C")
        else:
            said = f"{type(error).__name__}: {error}".removesuffix(": ")
            finished("failed", said)
        raise
    finished("passed")


@contextlib.contextmanager
def on_azure(journal: Journal, azure: Azure, name: str) -> Iterator[None]:
    """Let Azure's waits be told by a stage, and count what it asks."""
    with azure.patience.during(_progress(journal, name)):
        try:
            yield
        finally:
            count(journal, azure, name)


def count(journal: Journal, azure: Azure, name: str = "") -> None:
    """Note what was asked of Azure since this was noted last."""
    asked = [each.to_json() for each in azure.tally.take()]
    if asked:
        left = azure.tally.take_left()
        journal.write(Kind.REQUESTS, stage=name, asked=asked, left=left)


def _progress(journal: Journal, name: str) -> Callable[[str], None]:
    return lambda text: journal.write(Kind.PROGRESS, stage=name, text=text)


def _target(settings: Settings, build: Build, azure: Azure) -> Target:
    return Target(
        environment=settings.environment,
        env=settings.env,
        azure=azure,
        journal=build.journal,
    )


# --- before ---------------------------------------------------------------------


def look(settings: Settings, azure: Azure) -> Deployed | None:
    """Return what the environment runs, or None."""
    return deploying.observe(azure, settings.env)


def tidy(build: Build, azure: Azure) -> None:
    """Delete what an interrupted build has not: its own clearing up was cut short."""
    journal = build.journal
    try:
        groups.sweep(azure, journal, unfinished=[journal])
    except ReleaseError as error:
        # Its tags say when it expires, and then the next release deletes it.
        journal.write(Kind.PROGRESS, text=f"a group is left for now: {error.what}")


# --- the route --------------------------------------------------------------------


def bake(settings: Settings, build: Build, azure: Azure) -> Image:
    """Build the service, then bake its image, or find one of the same recipe.

    Raises:
        ReleaseError: What failed, and why.
    """
    journal = build.journal
    with stage(journal, BAKE), on_azure(journal, azure, BAKE):
        say = _progress(journal, BAKE)
        if settings.image.build:
            say(f"building the service: {' '.join(settings.image.build)}")
            _build_service(settings, journal)
        if settings.image.builder == "packer":
            return _bake_with_packer(settings, build, azure)
        say(f"looking for an image of {settings.image.recipe}")
        return baking.bake(
            baking.read(settings.root / settings.image.recipe),
            build=build.id,
            commit=settings.commit,
            environment=settings.environment,
            env=settings.env,
            azure=azure,
            journal=journal,
            folder=settings.root / builds.STATE / "cache",
        )


def _bake_with_packer(settings: Settings, build: Build, azure: Azure) -> Image:
    surroundings = environments.surroundings(settings, os.environ)
    _progress(build.journal, BAKE)(
        f"looking for an image of {settings.image.packer.template}"
    )
    return packer.bake(
        packer.read(settings.root, settings.image.packer),
        program=packer.find(path=surroundings.environment.get("PATH", "")),
        surroundings=surroundings,
        build=build.id,
        commit=settings.commit,
        environment=settings.environment,
        env=settings.env,
        azure=azure,
        journal=build.journal,
        folder=settings.root / builds.STATE / "cache",
    )


def promote(settings: Settings, source: Settings, build: Build, azure: Azure) -> Image:
    """Take the image that passed in another environment, unbaked.

    Args:
        settings: Of the environment that it is released to.
        source: Of the one that it passed in.
        build: This release.
        azure: Where it is released to.

    Raises:
        BakeFailed: No image passed there.
        AzureError: Azure refused or failed.
    """
    journal, env = build.journal, source.env
    with stage(journal, BAKE), on_azure(journal, azure, BAKE):
        say = _progress(journal, BAKE)
        home = azure.of(environments.subscription_of(source))
        image = promotion.passed(home, env, source.environment)
        say(f"reused from {source.environment}, where it passed: {image.version}")
        gallery.replicate(
            home,
            env,
            image,
            settings.env.location,
            timeout_s=settings.env.bake_timeout_s,
            progress=say,
        )
        return image


def _build_service(settings: Settings, journal: Journal) -> None:
    command = settings.image.build
    with subprocess.Popen(
        command,
        cwd=settings.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        lines = []
        for line in child.stdout:
            lines.append(line.rstrip())
            journal.write(Kind.OUTPUT, stage=BAKE, line=line.rstrip())
    if child.returncode:
        said = "\n".join(lines[-12:])
        raise BakeFailed(
            f"{' '.join(command)} ended with status {child.returncode}:\n{said}",
            fix="run it by hand in the project's folder; it is image.build of "
            "release.toml",
        )


def deploy(settings: Settings, build: Build, azure: Azure, image: Image) -> Deployed:
    """Record what runs now, then bring the image to every instance and prove it.

    Raises:
        ReleaseError: What failed, and why.
    """
    journal = build.journal
    with stage(journal, DEPLOY), on_azure(journal, azure, DEPLOY):
        previous = deploying.observe(azure, settings.env)
        deploying.refuse_protected(settings.env, previous)
        journal.write(
            Kind.VALUE,
            stage=DEPLOY,
            name="previous",
            value=previous.to_json() if previous else None,
        )
        journal.write(Kind.VALUE, stage=DEPLOY, name="touched", value=True)
        deployed = deploying.deploy(
            _target(settings, build, azure),
            image,
            previous=previous,
            build=build.id,
            between=lambda batch: _canary(settings, build, batch),
        )
        if settings.env.canary.enabled and journal.value(CANARY) is None:
            nothing = "nothing to compare: no instance was upgraded while others waited"
            _tell(journal, Canary.of_nothing(nothing))
        return deployed


def _canary(settings: Settings, build: Build, batch: Batch) -> None:
    """After the first batch, compare its instance with an old one beside it.

    Raises:
        CanaryFailed: It answers worse.
        CanaryUnclear: That could not be told in time.
    """
    rules, journal = settings.env.canary, build.journal
    new, old = (
        next((each for each in several if each.healthy and each.address), None)
        for several in (batch.upgraded, batch.waiting)
    )
    if not rules.enabled or batch.number > 1:
        return
    if new is None or old is None:
        _tell(journal, Canary.of_nothing("nothing to compare: no old instance serves"))
        return
    # It imports numpy and SciPy, as the load does.
    from release.load import profile, side_by_side  # noqa: PLC0415

    with stage(journal, CANARY):
        say = _progress(journal, CANARY)
        say(f"the same to {new.name} and to {old.name}, {rules.users} users")
        found = side_by_side.compare(
            profile.profile(settings.env.load, settings.root),
            rules,
            new=side_by_side.Instance(name=new.name, url=f"http://{new.address}"),
            old=side_by_side.Instance(name=old.name, url=f"http://{old.address}"),
            folder=build.folder / "canary",
            progress=say,
        )
        _tell(journal, found)
        if found.outcome is Outcome.FAILED:
            raise CanaryFailed(
                f"{new.name} answers worse than {old.name}: {found.text}",
                fix="see what the new build does at what is named; only this instance "
                "ran it",
            )
        if found.outcome is Outcome.INCONCLUSIVE:
            raise CanaryUnclear(
                f"{new.name} against {old.name} is {found.text}",
                fix="release again on quieter machines, or give canary.users or "
                "canary.most_s more",
            )
        say(found.text)


def _tell(journal: Journal, found: Canary) -> None:
    journal.write(Kind.VALUE, stage=CANARY, name=CANARY, value=found.as_json())


def attach(settings: Settings, azure: Azure, *, seen: Deployed | None) -> Deployed:
    """Return what is deployed, for a run that only tests it.

    Raises:
        DeployFailed: Nothing is.
    """
    found = seen or deploying.observe(azure, settings.env)
    if found is None or not found.site_url:
        raise DeployFailed(
            f"nothing is deployed at environment {settings.environment}",
            fix=f"release once: pytest --env {settings.environment}",
        )
    return found


def load(settings: Settings, build: Build, deployed: Deployed) -> dict[str, Any]:
    """Send the load, judge it, and compare it with earlier builds; all as JSON.

    Raises:
        LoadFailed: Locust could not run.
    """
    journal = build.journal
    # They import numpy and SciPy, which nothing before the load waits for.
    from release.load import (  # noqa: PLC0415
        baseline,
        compare,
        hdr_log,
        hopeless,
        profile,
        run,
        thresholds,
    )

    # matplotlib takes a second to import; the load, which waits most of the time, hides
    # it.
    drawing = threading.Thread(
        target=importlib.import_module, args=("release.load.pictures",)
    )
    drawing.start()
    limits = settings.env.load.thresholds
    plan = profile.profile(settings.env.load, settings.root)
    with stage(journal, LOAD):
        say = _progress(journal, LOAD)
        measured = run.run(
            plan,
            host=deployed.site_url.rstrip("/"),
            folder=build.folder / "load",
            progress=lambda live: say(str(live)),
            give_up=lambda so_far: hopeless.hopeless(so_far, limits),
        )
        if measured.ended_early:
            say(f"ended after {measured.time_s:.0f} s: {measured.ended_early}")
        gates = thresholds.judge(measured, limits)
        kept = [gate for gate in gates if gate.outcome is Outcome.PASSED]
        for gate in gates:
            if gate not in kept:
                say(gate.text)
        say(f"{len(kept)} of {len(gates)} gates passed")
        rules = settings.env.load.regression
        conditions = baseline.conditions(
            plan, settings.env, instances=len(deployed.instances)
        )
        compared = compare.compare(
            measured,
            baseline.earlier(build.archive.parent, conditions, builds=rules.builds),
            compared_endpoints(settings),
            rules,
        )
        for each in compared:
            if each.outcome is Outcome.FAILED:
                say(each.text)
        hdr_log.write(build.folder / "load", measured)
        drawing.join()
        from release.load import pictures  # noqa: PLC0415

        drawn = pictures.pictures(measured, limits, compared)
        for name, picture in drawn.items():
            path = build.folder / "load" / name
            path.write_text(picture["svg"], encoding="utf-8")
        return {
            "gates": [gate.as_json() for gate in gates],
            "summary": {
                **measured.summary(),
                "sentence": pictures.spoken(measured, compared),
                "conditions": conditions,
                "comparisons": [each.as_json() for each in compared],
                "pictures": pictures.as_json(drawn),
            },
        }


def compared_endpoints(settings: Settings) -> list[str]:
    """Return the endpoints compared with earlier builds: those that have limits.

    All together are not: their mixture differs from run to run.
    """
    return [name for name in settings.env.load.thresholds if name != "*"]


def begun(journal: Journal) -> bool:
    """Tell whether any stage was begun that may change something."""
    return any(
        event.kind is Kind.STAGE_STARTED and event.stage != PREFLIGHT
        for event in journal.read()
    )


def broken(journal: Journal) -> str:
    """Return the stage that failed and why, on one line, or "".

    What a command printed last, lines that start with a bar, is left to the log.
    """
    for event in journal.read():
        if event.kind is Kind.STAGE_FINISHED and event.data["outcome"] == "failed":
            what = str(event.data["error"]).partition("\n  fix:")[0]
            said = [
                line for line in what.splitlines() if not line.lstrip().startswith("|")
            ]
            return f"{event.stage}: {' '.join(' '.join(said).split())}"
    return ""


def unclear(journal: Journal) -> str:
    """Return the stage that could not tell, and why, or ""."""
    for event in journal.read():
        if event.kind is Kind.STAGE_FINISHED and event.data["outcome"] == INCONCLUSIVE:
            what = str(event.data["error"]).partition("\n  fix:")[0]
            return f"{event.stage}: {what}"
    return ""


def told(journal: Journal) -> list[str]:
    """Return the errors of stages, as they were shown when they came."""
    return [
        str(event.data["error"]).strip()
        for event in journal.read()
        if event.kind is Kind.STAGE_FINISHED and event.data["error"]
    ]


# --- how it ends --------------------------------------------------------------------


def confirm(settings: Settings, build: Build, azure: Azure) -> None:
    """Tag the scale set as passed."""
    journal = build.journal
    deployed = Deployed.from_json(journal.value("deployment")["value"])
    with on_azure(journal, azure, DEPLOY):
        deploying.tag_passed(_target(settings, build, azure), deployed, build=build.id)


def _previous(journal: Journal) -> Deployed | None:
    found = journal.value("previous")
    return Deployed.from_json(found) if found else None


def undo(
    settings: Settings, build: Build, azure: Callable[[], Azure], *, keep_failed: bool
) -> None:
    """Bring back what ran before a build that did not pass, and prove it.

    Does nothing where the build has not touched the scale set.

    Raises:
        ReleaseError: It did not come back; the message says what runs now.
    """
    journal = build.journal
    if not journal.value("touched"):
        return
    if keep_failed:
        _undone(journal, f"Build {build.id} was left in place, as --keep-failed asks.")
        return
    with stage(journal, ROLLBACK):
        connected = azure()
        target = _target(settings, build, connected)
        previous = _previous(journal)
        with on_azure(journal, connected, ROLLBACK):
            deploying.settle(target, build=build.id)
        if previous is None:
            with on_azure(journal, connected, ROLLBACK):
                deploying.remove_first(target, build=build.id)
            _undone(
                journal,
                "Nothing ran here before, so there is nothing to go back to; "
                "what this build had made was deleted.",
            )
            return
        previous = previous.to_go_back_to()
        name = previous.build or previous.image_id.rpartition("/")[2]
        _undone(journal, f"Build {name} was to come back, and is not proved.")
        with on_azure(journal, connected, ROLLBACK):
            proved = deploying.roll_back(target, previous)
        tested = _essential(settings, build, journal)
        _undone(
            journal,
            f"The previous build {name} is back and proved on "
            f"{len(proved.instances)} instances; {tested}.",
            deployment=proved.to_json(),
        )


def _undone(journal: Journal, text: str, **more: Any) -> None:
    journal.write(
        Kind.VALUE, stage=ROLLBACK, name="rollback", value={"text": text, **more}
    )


def _essential(settings: Settings, build: Build, journal: Journal) -> str:
    """Run the essential smoke tests against what came back; say how they ended.

    A child pytest that attaches: the tests of this process have had their fixtures.

    Raises:
        DeployFailed: One of them fails.
    """
    _progress(journal, ROLLBACK)("running the essential smoke tests again")
    results = build.folder / "rollback-junit.xml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--attach"),
            *("--env", settings.environment, "-m", "essential"),
            *("-p", "no:cacheprovider", f"--junitxml={results}"),
            *("-o", "junit_family=xunit2"),
        ],
        cwd=settings.root,
        capture_output=True,
        text=True,
        timeout=ESSENTIAL_TIMEOUT_S,
        check=False,
        # A Ctrl-C in the terminal is not for it: the undo goes on.
        start_new_session=True,
    )
    for line in done.stdout.splitlines():
        journal.write(Kind.OUTPUT, stage=ROLLBACK, line=line)
    if done.returncode == 5:  # noqa: PLR2004 - pytest's "no tests collected"
        return "no smoke test is marked essential"
    if done.returncode:
        raise DeployFailed(
            "the previous build is back, and an essential smoke test fails on it: "
            + (done.stdout + done.stderr).strip().rpartition("\n")[2],
            fix=f"pytest --attach --env {settings.environment} -m essential shows why",
        )
    return f"{_passed(results)} essential smoke tests passed on it"


def _passed(results: Path) -> int:
    suites = ET.parse(results).getroot()  # noqa: S314 - written by our own child
    return sum(int(suite.get("tests", "0")) for suite in suites.iter("testsuite"))


def tools() -> dict[str, str]:
    """Return versions of what a release runs with."""
    names = ("pytest-release", "pytest", "selenium", "locust", "azure-mgmt-compute")
    found = {name: importlib.metadata.version(name) for name in names}
    return found | {"python": platform.python_version()}
