"""``python -m release``: what stands beside a release.

The release itself is ``pytest --env NAME``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from release import environments
from release.azure import codes
from release.errors import ReleaseError, SettingsError, UsageError
from release.options import OPTIONS, Option
from release.processes import owner
from release.redaction import conceal_python
from release.settings import Settings, assignments, load, reference
from release.settings.model import Load
from release.verdict import State

USAGE = 4
"""Exit code of a wrong option or setting, as pytest's."""
WIDTH = 100
"""Characters, where nobody says how wide the output may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command, with the options that it has beside --env and --set."""

    name: str
    help: str
    run: Callable[[argparse.Namespace, Console], int]
    options: tuple[Option, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 1 says that something is amiss."""
    conceal_python()
    options = _parser().parse_args(arguments)
    chosen: Command = options.command
    try:
        return chosen.run(options, _console())
    except ReleaseError as error:
        Console(stderr=True, soft_wrap=True).print(
            str(error), markup=False, highlight=False
        )
        return USAGE if isinstance(error, UsageError | SettingsError) else 1


def markdown() -> str:
    """Return the README's tables: settings, variables, options, commands."""
    shared = [option for option in OPTIONS if option.name in SHARED]
    rows = [
        *("### Options of `pytest`", "", "| option | what |", "|---|---|"),
        *_rows(OPTIONS),
        *("", "### Commands of `python -m release`", ""),
        *("| command | what |", "|---|---|"),
    ]
    for command in COMMANDS:
        rows.append(f"| `{command.name}` | {command.help} |")
        rows += _rows(command.options, of=f"{command.name} ")
    names = " and ".join(f"`{option.flag}`" for option in shared)
    rows += ["", f"Each command takes {names} too.", ""]
    return f"{reference.markdown()}\n{chr(10).join(rows)}"


def _rows(options: Sequence[Option], of: str = "") -> Iterator[str]:
    for option in options:
        value = "\\|".join(option.choices) or option.metavar
        value += " ..." if option.several else ""
        flag = f"{of}{option.flag} {value}".strip()
        yield f"| `{flag}` | {option.help} |"


def _doctor(options: argparse.Namespace, console: Console) -> int:
    # They import selenium, which the other commands need not wait for.
    from release import doctor  # noqa: PLC0415
    from release.browser.programs import Kind  # noqa: PLC0415

    checks = list(
        doctor.examine(
            Path.cwd(),
            options.release_env,
            options=assignments(options.release_set),
            variables=os.environ,
            browsers=[Kind(name) for name in options.release_browser],
        )
    )
    console.print(doctor.table(checks))
    gaps = sum(bool(check.fix) for check in checks)
    if gaps:
        console.print(f"{gaps} gap{'s' if gaps > 1 else ''} to close")
        return 1
    console.print(f"all is there for: pytest --env {options.release_env}")
    return 0


def _errors(_options: argparse.Namespace, _console: Console) -> int:
    sys.stdout.write(codes.markdown())
    return 0


def _schema(_options: argparse.Namespace, _console: Console) -> int:
    from release.report import document  # noqa: PLC0415 - it imports numpy

    sys.stdout.write(document.text())
    return 0


def _settings(options: argparse.Namespace, console: Console) -> int:
    if options.release_markdown:
        sys.stdout.write(markdown())
        return 0
    shown = _table("setting", "value", "source")
    for row in reference.values(_loaded(options)):
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)
    return 0


def _up(options: argparse.Namespace, console: Console) -> int:
    settings = _loaded(options)
    if settings.env.cloud != "local":
        raise _not_here(settings)
    # With the proxy's variables it is what a shell can evaluate.
    mark = "# " if options.release_proxy else ""

    def tell(text: str) -> None:
        console.print(f"{mark}{text}", soft_wrap=True, markup=False)

    found = environments.up(
        settings.root,
        pace=_number("--pace", options.release_pace),
        progress=tell,
    )
    tell(f"the embedded Azure answers at {found.arm_url}, process {found.pid}")
    tell(f"its certificate authority: {found.ca}")
    if options.release_proxy:
        tell(f"who may sign in: {environments.folder(settings.root)}/endpoint.json")
        tell(f"SSH of its machines: port {found.ssh_port}")
        for name, value in environments.proxied(found).items():
            console.print(
                f"export {name}={shlex.quote(value)}", soft_wrap=True, markup=False
            )
    tell(f"stop it: python -m release down --env {settings.environment}")
    return 0


def _down(options: argparse.Namespace, console: Console) -> int:
    settings = _loaded(options)
    if settings.env.cloud != "local":
        raise _not_here(settings)
    ran = environments.down(settings.root, forget=options.release_forget)
    said = "stopped" if ran else "did not run"
    kept = "its state is deleted" if options.release_forget else "its state is kept"
    console.print(f"the embedded Azure {said}; {kept}")
    return 0


def _status(options: argparse.Namespace, console: Console) -> int:
    settings = _loaded(options)
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
    console.print(said if by else "no release runs", markup=False)
    found = observe(azure, settings.env)
    if found is None:
        console.print(f"nothing is deployed to {settings.environment}")
        return 1
    console.print(f"build {found.build or 'unknown'} at {found.site_url or 'no site'}")
    console.print(f"image {found.image_id}", soft_wrap=True)
    shown = _table("instance", "health", "model", "address")
    for one in found.instances:
        model = "latest" if one.latest_model else "older"
        shown.add_row(one.name, one.health, model, one.address)
    console.print(shown)
    return 0


def _clean(options: argparse.Namespace, console: Console) -> int:
    from release import housekeeping  # noqa: PLC0415 - it imports the SDK
    from release.azure.lease import holder  # noqa: PLC0415
    from release.coordination import clearing, lock  # noqa: PLC0415

    settings = _loaded(options)
    if options.release_yes:
        clearing.clear(
            settings, lambda text: console.print(text, markup=False, soft_wrap=True)
        )
        return 0
    azure = environments.connect(settings)
    by = holder(azure, settings.env)
    if by and by.process.runs() is not False:
        console.print(lock.judged(by, settings.environment), markup=False)
    rows = housekeeping.left_over(settings, azure, running="")
    now = datetime.now(UTC)
    shown = _table("what", "name", "build", "age", "why it is left", "to be done")
    for row in rows:
        cells = (row.kind, row.name, row.build, row.age(now), row.why, row.action)
        shown.add_row(*(Text(cell) for cell in cells))
    if not rows:
        console.print(f"nothing is left over at {settings.environment}")
        return 0
    console.print(shown)
    console.print(f"do it: python -m release clean --env {settings.environment} --yes")
    return 0


def _init(options: argparse.Namespace, console: Console) -> int:
    from release import skeleton  # noqa: PLC0415 - only this command reads it

    made = skeleton.make(Path.cwd(), options.release_name or "")
    for path in made:
        console.print(str(path), markup=False)
    console.print("release it to this machine: make release")
    return 0


def _summary(options: argparse.Namespace, _console: Console) -> int:
    # They import jinja2 and requests, which the other commands need not wait for.
    from release.report import archive, summary, webhook  # noqa: PLC0415

    reports = Path.cwd() / "reports"
    record = archive.read(
        reports,
        environment=options.release_env or "",
        build=options.release_build or "",
    )
    folder = reports / record["environment"] / record["build"]
    run = owner(os.environ)
    link = options.release_link or (run if "://" in run else "")
    if options.release_format == "azure":
        page = _page(record["build"])
        page.write_text(summary.markdown(record, link), encoding="utf-8")
        sys.stdout.write(summary.azure(record, str(page)))
    elif options.release_format == "github":
        sys.stdout.write(summary.markdown(record, link))
    else:
        sys.stdout.write(summary.text(record, link or str(folder / "report.html")))
    if not options.release_notify:
        return 0
    told = webhook.post(options.release_notify, summary.document(record, link))
    Console(stderr=True).print(told.text, markup=False, highlight=False)
    return 0 if told.arrived else 1


def _history(options: argparse.Namespace, console: Console) -> int:
    # They import jinja2, which the other commands need not wait for.
    from release.history import ledger, terminal  # noqa: PLC0415

    reports, now = Path.cwd() / "reports", datetime.now(UTC)
    if options.release_renew:
        ledger.renew(reports, now)
        console.print(f"written: {reports / ledger.INDEX}", soft_wrap=True)
        return 0
    if options.release_upload:
        return _upload(_loaded(options), reports, console)
    every, wanted = ledger.history(reports), options.release_env
    entries = [e for e in every.entries if wanted in {None, e.environment}]
    if not entries:
        of = f" of environment {wanted}" if wanted else ""
        raise UsageError(
            f"no build{of} is archived in {reports}",
            fix="a release archives itself when it ends: pytest --env NAME",
        )
    found = [
        each
        for each in entries
        if each.commit.startswith(options.release_commit or "")
        and options.release_verdict in {None, each.verdict}
    ]
    if options.release_json:
        document = terminal.as_json(entries, found, now)
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        console.print(terminal.shown(entries, found, now))
    for path in every.unread:
        text = f"left out: {path}, whose release.json cannot be read"
        Console(stderr=True).print(text, markup=False, highlight=False)
    return 1 if every.unread else 0


def _upload(settings: Settings, reports: Path, console: Console) -> int:
    from release.coordination import archiving  # noqa: PLC0415 - it imports pytest

    if not settings.env.archive_to:
        raise UsageError(
            f"environment {settings.environment} has no archive_to",
            fix="name a container in release.toml, such as "
            "https://myaccount.blob.core.windows.net/$web",
        )
    azure = environments.connect(settings)
    sent = archiving.upload_missing(settings, azure, reports)
    for path in sent:
        console.print(f"sent: {path}", soft_wrap=True, markup=False)
    where = f"{settings.env.archive_to}/index.html"
    console.print(f"the team's history: {where}", soft_wrap=True, markup=False)
    return 0


def _page(build: str) -> Path:
    """Return where Markdown for Azure Pipelines may lie until the job has ended."""
    folder = os.environ.get("AGENT_TEMPDIRECTORY") or tempfile.gettempdir()
    return Path(folder) / f"release-{build}.md"


def _load_worker(options: argparse.Namespace, _console: Console) -> int:
    from release.load import worker  # noqa: PLC0415 - the other commands need it not
    from release.load.profile import address  # noqa: PLC0415

    if not re.fullmatch(r"[^\s:/]+(:\d{1,5})?", options.release_master or ""):
        raise UsageError(
            f"--master {options.release_master or 'is missing'}: must be an address",
            fix="such as 10.0.0.4 or 10.0.0.4:5557, where the release listens",
        )
    # A machine that only sends load need not have release.toml.
    load = _loaded(options).env.load if options.release_env else Load()
    host, port = address(options.release_master)
    return worker.work(
        host=host,
        port=port,
        locustfile=Path(options.release_locustfile or load.locustfile),
        processes=int(_number("--processes", options.release_processes))
        if options.release_processes
        else load.processes,
    )


def _loaded(options: argparse.Namespace) -> Settings:
    return load(
        Path.cwd(),
        options.release_env,
        options=assignments(options.release_set),
        variables=os.environ,
    )


def _not_here(settings: Settings) -> UsageError:
    return UsageError(
        f"environment {settings.environment} is on Azure, not embedded here",
        fix='name one whose cloud is "local"',
    )


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{flag} {text}: must be a number", fix="such as 0.5"
        ) from None


def _table(*columns: str) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown


def _console() -> Console:
    is_terminal = sys.stdout.isatty()
    # Lines of text are never cut where a program reads them.
    return Console(
        width=None if is_terminal else WIDTH,
        soft_wrap=not is_terminal,
        highlight=False,
    )


SHARED = ("release_env", "release_set")
COMMANDS = (
    Command(
        name="doctor",
        help="see that all is there that a release needs, and what to do if not",
        run=_doctor,
        options=tuple(one for one in OPTIONS if one.flag == "--browser"),
    ),
    Command(
        name="init",
        help="make a project that is released, in this folder: service, image recipe, "
        "tests, settings, CI; nothing is overwritten",
        run=_init,
        options=(
            Option(
                flag="--name",
                metavar="NAME",
                help="name of the service (default: that of the folder)",
            ),
        ),
    ),
    Command(
        name="settings",
        help="show every setting of an environment and where it comes from",
        run=_settings,
        options=(Option(flag="--markdown", help="print the README's tables"),),
    ),
    Command(
        name="errors",
        help="print what a release does about each error of Azure: docs/errors.md",
        run=_errors,
    ),
    Command(
        name="schema",
        help="print the JSON Schema of release.json: docs/release.schema.json",
        run=_schema,
    ),
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
        name="clean",
        help="list what crashed releases left on Azure: what, whose, why",
        run=_clean,
        options=(Option(flag="--yes", help="delete it, or put it right"),),
    ),
    Command(
        name="summary",
        help="tell in short what a build came to: the newest of --env, or of all",
        run=_summary,
        options=(
            Option(
                flag="--format",
                metavar="NAME",
                default="text",
                choices=("text", "github", "azure"),
                help="for a terminal, a job summary of GitHub Actions (Markdown), or "
                "a log of Azure Pipelines (its commands)",
            ),
            Option(flag="--build", metavar="ID", help="another build than the newest"),
            Option(flag="--link", metavar="URL", help="where its report can be read"),
            Option(
                flag="--notify",
                metavar="URL",
                help="post it as JSON to this webhook as well",
            ),
        ),
    ),
    Command(
        name="history",
        help="tell what is live since when, the delivery figures, trends and builds of "
        "--env, or of all environments",
        run=_history,
        options=(
            Option(flag="--json", help="for machines"),
            Option(
                flag="--commit", metavar="START", help="list builds of a commit only"
            ),
            Option(
                flag="--verdict",
                metavar="NAME",
                choices=tuple(State),
                help="list builds that ended so only",
            ),
            Option(flag="--renew", help="write reports/index.html anew"),
            Option(flag="--upload", help="send to archive_to what is missing there"),
        ),
    ),
    Command(
        name="status",
        help="tell what runs: build, image, instances with their health; who releases",
        run=_status,
    ),
    Command(
        name="load-worker",
        help="send load for a release on another machine that has load.workers",
        run=_load_worker,
        options=(
            Option(
                flag="--master",
                metavar="HOST[:PORT]",
                help="where the release waits for workers (port: 5557)",
            ),
            Option(
                flag="--locustfile",
                metavar="FILE",
                help="the same as the release's (default: load.locustfile)",
            ),
            Option(
                flag="--processes",
                metavar="N",
                help="how many workers this machine is (default: load.processes)",
            ),
        ),
    ),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m release",
        description="What stands beside a release; the release itself is "
        "pytest --env NAME.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = tuple(option for option in OPTIONS if option.name in SHARED)
    for command in COMMANDS:
        made = commands.add_parser(
            command.name, help=command.help, description=command.help
        )
        made.set_defaults(command=command)
        for option in (*shared, *command.options):
            made.add_argument(option.flag, **option.arguments())
    return parser
