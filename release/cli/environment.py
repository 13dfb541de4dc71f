"""Commands about an environment: the embedded Azure, what runs, what is left over."""

from __future__ import annotations

import shlex
from argparse import Namespace
from datetime import UTC, datetime

import psutil
from rich.console import Console
from rich.text import Text

from release import builds, environments
from release.cli.command import Command, number, settings_of
from release.cli.terminal import table
from release.errors import UsageError
from release.options import Option
from release.settings import Settings


def _up(options: Namespace, console: Console) -> int:
    settings = _embedded(options)
    # With the proxy's variables it is what a shell can evaluate.
    mark = "# " if options.release_proxy else ""

    def tell(text: str) -> None:
        console.print(f"{mark}{text}", soft_wrap=True)

    found = environments.up(
        settings.root,
        pace=number("--pace", options.release_pace),
        progress=tell,
    )
    tell(f"the embedded Azure answers at {found.arm_url}, process {found.pid}")
    tell(f"its certificate authority: {found.ca}")
    if options.release_proxy:
        tell(f"who may sign in: {environments.folder(settings.root)}/endpoint.json")
        tell(f"SSH of its machines: port {found.ssh_port}")
        for name, value in environments.proxied(found).items():
            console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True)
    tell(f"stop it: python -m release down --env {settings.environment}")
    return 0


def _down(options: Namespace, console: Console) -> int:
    root = _embedded(options).root
    for build in builds.running(root):
        raise UsageError(
            f"build {build.id} is being released to {build.environment}, on what this "
            "would stop",
            fix="wait for it to end, or end it with Ctrl-C",
        )
    ran = environments.down(root, forget=options.release_forget)
    said = "stopped" if ran else "did not run"
    kept = "its state is deleted" if options.release_forget else "its state is kept"
    console.print(f"the embedded Azure {said}; {kept}")
    return 0


def _embedded(options: Namespace) -> Settings:
    """Return the settings of an environment that is embedded here."""
    settings = settings_of(options)
    if settings.env.cloud != "local":
        raise UsageError(
            f"environment {settings.environment} is on Azure, not embedded here",
            fix='name one whose cloud is "local"',
        )
    return settings


def _status(options: Namespace, console: Console) -> int:
    settings = settings_of(options)
    if settings.env.cloud == "local":
        found = environments.running(settings.root)
        if found is None:
            console.print("the embedded Azure does not run")
            return 1
        memory_mib = psutil.Process(found.pid).memory_info().rss / 2**20
        asked = environments.requests(found)["count"]
        console.print(
            f"the embedded Azure answers at {found.arm_url}, process {found.pid}: "
            f"{memory_mib:.0f} MiB of memory, {asked} requests so far"
        )
    return _deployed(settings, console)


def _deployed(settings: Settings, console: Console) -> int:
    """Print what the environment runs; 1 when it runs nothing."""
    # They import the SDK, which the other commands need not wait for.
    from release.azure.lease import holder  # noqa: PLC0415
    from release.deploy import observe  # noqa: PLC0415

    azure = environments.connect(settings)
    by = holder(azure, settings.env)
    gone = by is not None and by.process.runs() is False
    said = f"not let go of by {by}" if gone else f"being released by {by}"
    console.print(said if by else "no release runs")
    found = observe(azure, settings.env)
    if found is None:
        console.print(f"nothing is deployed to {settings.environment}")
        return 1
    console.print(f"build {found.build or 'unknown'} at {found.site_url or 'no site'}")
    console.print(f"image {found.image_id}", soft_wrap=True)
    shown = table("instance", "health", "model", "address")
    for one in found.instances:
        model = "latest" if one.latest_model else "older"
        shown.add_row(one.name, one.health, model, one.address)
    console.print(shown)
    return 0


def _clean(options: Namespace, console: Console) -> int:
    from release import housekeeping  # noqa: PLC0415 - it imports the SDK
    from release.azure.lease import holder  # noqa: PLC0415
    from release.coordination import clearing, lock  # noqa: PLC0415

    settings = settings_of(options)
    if options.release_yes:
        clearing.clear(settings, lambda text: console.print(text, soft_wrap=True))
        return 0
    azure = environments.connect(settings)
    by = holder(azure, settings.env)
    if by and by.process.runs() is not False:
        console.print(lock.judged(by, settings.environment))
    rows = housekeeping.left_over(settings, azure, running="")
    now = datetime.now(UTC)
    shown = table("what", "name", "build", "age", "why it is left", "to be done")
    for row in rows:
        cells = (row.kind, row.name, row.build, row.age(now), row.why, row.action)
        shown.add_row(*(Text(cell) for cell in cells))
    if not rows:
        console.print(f"nothing is left over at {settings.environment}")
        return 0
    console.print(shown)
    console.print(f"do it: python -m release clean --env {settings.environment} --yes")
    return 0


COMMANDS = (
    Command(
        name="up",
        help="start the embedded Azure of this checkout",
        run=_up,
        options=(
            Option(
                flag="--pace",
                metavar="FACTOR",
                default="0",
                help="0 does things at once, 1 takes times like Azure's",
            ),
            Option(
                flag="--proxy",
                help="print, for a shell to evaluate, the variables with which clients "
                "that know only Azure's own names come here, and nowhere else",
            ),
        ),
    ),
    Command(
        name="down",
        help="stop the embedded Azure with its machines",
        run=_down,
        options=(Option(flag="--forget", help="delete its state too"),),
    ),
    Command(
        name="status",
        help="tell what runs: build, image, instances with their health; who releases",
        run=_status,
    ),
    Command(
        name="clean",
        help="list what crashed releases left on Azure: what, whose, why",
        run=_clean,
        options=(Option(flag="--yes", help="delete it, or put it right"),),
    ),
)
