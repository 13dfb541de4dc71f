"""See that all is there that a release to an environment needs.

Nothing is changed, and nothing is started but programs that tell their version.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import metadata
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from release import environments, tools
from release.azure import clouds, permissions
from release.azure.chain import Way
from release.azure.clients import Azure
from release.azure.credential import chosen
from release.bake import packer, recipe
from release.browser.programs import Kind, find
from release.errors import (
    AzureError,
    ReleaseError,
    SettingsError,
    ToolMissing,
    UsageError,
)
from release.settings import Account, Settings, account_of, cloud_of, load

UNUSED = "127.255.255.254"
"""A loopback address that nobody has: a port of it is free unless some program
listens on that port at every address."""
OLDEST_PYTHON = (3, 11)
APT = "run apt-get install {}, or this system's own package of that name"


class Standing(StrEnum):
    """How a check came out."""

    OK = "ok"
    GAP = "gap"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at."""

    topic: str
    """ "settings", "tools", "credential" or "reach"."""
    name: str
    found: str
    fix: str = ""
    """What to do; a check with one is a gap."""

    @property
    def standing(self) -> Standing:
        """Return whether it is a gap."""
        return Standing.GAP if self.fix else Standing.OK


def examine(
    root: Path,
    environment: str | None,
    *,
    options: Mapping[str, str],
    variables: Mapping[str, str],
    browsers: Sequence[Kind] = (Kind.CHROME,),
) -> Iterator[Check]:
    """Look at everything that a release needs, one thing after the other.

    Args:
        root: The folder of release.toml.
        environment: The environment's name.
        options: What ``--set`` says.
        variables: The process environment.
        browsers: Those of the smoke tests.

    Raises:
        UsageError: There is no such environment.
    """
    path = variables.get("PATH", "")
    try:
        settings = load(root, environment, options=options, variables=variables)
    except SettingsError as error:
        yield Check(
            topic="settings",
            name="release.toml",
            found=error.what,
            fix=f"{error.fix}; then run this again, for what depends on it",
        )
        yield from _common_tools(path, browsers)
        if cloud_of(root, environment, options=options, variables=variables) == "azure":
            yield identity(account_of(variables), path)
        return
    yield from _settings(settings, path)
    yield from _common_tools(path, browsers)
    yield from _packer(settings, path)
    if settings.env.cloud == "local":
        yield from _machine_tools(path)
        yield from _ports(settings)
        yield from _embedded(root)
    else:
        yield from _azure(settings, path)


def require(
    settings: Settings, *, path: str, releases: bool, bakes: bool = True
) -> None:
    """See that a run can do its work, before it changes anything.

    What only smoke tests need, a browser, is looked for once they are known.

    Args:
        settings: Of the environment.
        path: PATH.
        releases: Whether the run deploys, or only attaches.
        bakes: Whether the image of a release is this checkout's.

    Raises:
        UsageError: Something is missing; it lists all that is.
    """
    checks: list[Check] = []
    if releases:
        checks += _settings(settings, path, bakes=bakes)
        checks += _packer(settings, path) if bakes else ()
    if settings.env.cloud == "local":
        checks += [*_machine_tools(path), *_ports(settings)]
    gaps = [check for check in checks if check.standing is Standing.GAP]
    if gaps:
        count = "1 thing stands" if len(gaps) == 1 else f"{len(gaps)} things stand"
        lines = "".join(f"\n  {gap.name}: {gap.found}; {gap.fix}" for gap in gaps)
        raise UsageError(
            f"{count} in the way of environment {settings.environment}:{lines}",
            fix=f"then see: python -m release doctor --env {settings.environment}",
        )


def table(checks: Iterable[Check]) -> Table:
    """Return checks as a table; below each gap, what to do about it."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "", "what", "found"):
        shown.add_column(column, overflow="fold")
    topic = ""
    for check in checks:
        is_gap = check.standing is Standing.GAP
        found = Text(check.found)
        if is_gap:
            found.append(f"\n{check.fix}", style="bold")
        shown.add_row(
            check.topic if check.topic != topic else "",
            Text("gap", style="red") if is_gap else Text("ok", style="green"),
            Text(check.name),
            found,
        )
        topic = check.topic
    return shown


def _settings(settings: Settings, path: str, *, bakes: bool = True) -> Iterator[Check]:
    given = sum(str(source) != "default" for source in settings.sources.values())
    check = partial(Check, topic="settings")
    yield check(
        name="release.toml",
        found=f"{settings.environment}: {settings.env.cloud}, {given} settings given",
    )
    if bakes and settings.image.builder == "native":
        yield _recipe(settings)
    locustfile = settings.env.load.locustfile
    there = (settings.root / locustfile).is_file()
    source = settings.sources["load.locustfile"]
    yield check(
        name="load.locustfile",
        found=locustfile if there else f"there is no {locustfile}",
        fix="" if there else f"write it, or name another ({source})",
    )
    if bakes and settings.image.build:
        yield _build(settings, path)


def _build(settings: Settings, path: str) -> Check:
    check = partial(Check, topic="settings", name="image.build")
    program = settings.image.build[0]
    if tools.find(program, path=path):
        return check(found=" ".join(settings.image.build))
    if "/" in program or not program:
        return check(
            found=f"{program or 'an empty word'} is no program",
            fix=f"name one that may be run ({settings.sources['image.build']})",
        )
    return check(found=f"{program} is not installed", fix=APT.format(program))


def _recipe(settings: Settings) -> Check:
    check = partial(Check, topic="settings", name="image.recipe")
    relative = f"{settings.image.recipe}/{recipe.FILE}"
    if not (settings.root / relative).is_file():
        return check(
            found=f"there is no {relative}",
            fix=f"write it, or name another ({settings.sources['image.recipe']})",
        )
    try:
        recipe.document(settings.root / settings.image.recipe)
    except SettingsError as error:
        return check(found=error.what, fix=error.fix)
    return check(found=relative)


def _packer(settings: Settings, path: str) -> Iterator[Check]:
    for need in packer.needs(settings.root, settings.image, path=path):
        yield Check(topic="tools", name=need.name, found=need.found, fix=need.fix)


def _common_tools(path: str, browsers: Sequence[Kind]) -> Iterator[Check]:
    check = partial(Check, topic="tools")
    new = sys.version_info[:2] >= OLDEST_PYTHON
    yield check(
        name="Python",
        found=f"{sys.version.split()[0]} at {sys.executable}",
        fix="" if new else "install Python 3.11 or newer and make .venv with it",
    )
    try:
        yield check(name="Locust", found=metadata.version("locust"))
    except metadata.PackageNotFoundError:
        yield check(name="Locust", found="not installed", fix="run .ci/setup")
    for browser in browsers:
        yield _browser(path, browser)


def _browser(path: str, browser: Kind) -> Check:
    check = partial(Check, topic="tools", name=f"browser ({browser})")
    try:
        programs = find(browser, which=partial(tools.find, path=path))
    except ToolMissing as error:
        return check(found=error.what, fix=error.fix)
    versions = []
    for program in (programs.browser, programs.driver):
        ran = tools.run(program, "--version")
        number = tools.version(ran.output)
        if ran.code != 0 or not number:
            return check(
                found=f"{program} --version says: {ran.output}",
                fix="install the browser and its driver again",
            )
        versions.append(number)
    found = f"{programs.browser} {versions[0]}, driver {versions[1]}"
    majors = {number.partition(".")[0] for number in versions}
    agree = browser is Kind.FIREFOX or len(majors) == 1
    return check(
        found=found, fix="" if agree else "install a browser and driver of one version"
    )


def _machine_tools(path: str) -> Iterator[Check]:
    yield _program("haproxy", "-v", package="haproxy", path=path)
    yield _program("setpriv", "--version", package="util-linux", path=path)
    yield _program("/usr/bin/python3", "--version", package="python3", path=path)
    yield _sandbox(path)


def _program(name: str, option: str, *, package: str, path: str) -> Check:
    check = partial(Check, topic="tools", name=name.rpartition("/")[2])
    place = tools.find(name, path=path)
    if place is None:
        return check(found="not installed", fix=APT.format(package))
    ran = tools.run(place, option)
    if ran.code != 0:
        return check(
            found=f"{place} {option} says: {ran.output}",
            fix=f"install {package} again",
        )
    return check(found=f"{tools.version(ran.output)} at {place}")


def _sandbox(path: str) -> Check:
    check = partial(Check, topic="tools", name="bubblewrap")
    bwrap = tools.find("bwrap", path=path)
    if bwrap is None:
        return check(found="not installed", fix=APT.format("bubblewrap"))
    ran = tools.run(*tools.sandbox_command(bwrap, root=os.geteuid() == 0))
    if ran.code != 0:
        return check(
            found=f"{bwrap} cannot make a sandbox: {ran.output}",
            fix="allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
            "kernel.apparmor_restrict_unprivileged_userns=0), or run as root; in a "
            "container, allow it to mount /proc",
        )
    number = tools.version(tools.run(bwrap, "--version").output)
    return check(found=f"{number} at {bwrap}, makes sandboxes")


def _ports(settings: Settings) -> Iterator[Check]:
    """Look at the ports that the site and the instances listen on."""
    env = settings.env
    named = {"service_port": env.service_port, "site_port": env.site_port}
    for port, setting in sorted({port: name for name, port in named.items()}.items()):
        yield _port(port, setting)


def _port(port: int, setting: str) -> Check:
    check = partial(Check, topic="tools", name=f"port {port}")
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    free_from = int(first.read_text(encoding="ascii")) if first.exists() else 1024
    if os.geteuid() != 0 and port < free_from:
        return check(
            found=f"ordinary users may listen from port {free_from}",
            fix=f"set {setting} to that or higher, or run as root",
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((UNUSED, port))
        except OSError as error:
            return check(
                found=f"a program listens on it at all addresses ({error.strerror}); "
                f"ss -ltnp 'sport = :{port}' shows which",
                fix=f"end that program, or set another {setting}",
            )
    return check(found="may be listened on")


def _azure(settings: Settings, path: str) -> Iterator[Check]:
    signs_in = identity(settings.account, path)
    yield signs_in
    reach = _reach(settings)
    yield reach
    if signs_in.fix or reach.fix:
        return
    try:
        azure = environments.connect(settings)
    except ReleaseError as error:
        yield Check(topic="credential", name="sign in", found=error.what, fix=error.fix)
        return
    try:
        yield from roles(azure, settings)
    finally:
        azure.close()


def roles(azure: Azure, settings: Settings) -> Iterator[Check]:
    """Sign in, and see which roles the principal lacks for a release."""
    check = partial(Check, topic="credential")
    try:
        lacking = permissions.missing(azure, settings.env)
    except ReleaseError as error:
        yield check(name="sign in", found=error.what, fix=error.fix)
        return
    for one in lacking:
        yield check(name=f"role {one.role}", found=str(one), fix=one.fix)
    if not lacking:
        yield check(name="roles", found="all that a release needs")


def _embedded(root: Path) -> Iterator[Check]:
    found = environments.running(root)
    yield Check(topic="credential", name="credential", found="the embedded Azure's own")
    yield Check(
        topic="reach",
        name="embedded Azure",
        found=f"answers at {found.arm_url}, process {found.pid}"
        if found
        else "does not run; a release starts it",
    )


def identity(account: Account, path: str) -> Check:
    """Return who would sign in and why, or what is missing."""
    check = partial(Check, topic="credential", name="credential")
    found = chosen(account, path=path)
    if found.way is Way.CLI:
        az = str(tools.find("az", path=path))
        query = ("--query", "user.name", "--output", "tsv")
        ran = tools.run(az, "account", "show", *query)
        if ran.code != 0:
            return check(found=f"{found.way}: nobody is signed in", fix="run az login")
        return check(found=str(found).replace(":", f" as {ran.output}:", 1))
    return check(found=str(found), fix=found.fix)


def _reach(settings: Settings) -> Check:
    check = partial(Check, topic="reach", name="Azure Resource Manager")
    url = clouds.arm_url(settings.env)
    ca = settings.root / settings.env.ca_file if settings.env.ca_file else None
    # It tells its endpoints to everybody: no token is needed to see that it answers.
    try:
        clouds.metadata(url, ca)
    except AzureError as error:
        return check(found=error.what, fix=error.fix)
    return check(found=f"{url} answers")
