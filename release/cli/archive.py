"""Commands about archived builds: one in short, or all of them."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from release import environments
from release.cli.command import Command, settings_of
from release.cli.terminal import complain
from release.errors import UsageError
from release.options import Option
from release.processes import owner
from release.settings import Settings
from release.verdict import State


def _summary(options: Namespace, _console: Console) -> int:
    # They import jinja2 and requests, which the other commands need not wait for.
    from release.report import archive, summary, webhook  # noqa: PLC0415

    reports = Path.cwd() / "reports"
    record = archive.read(
        reports,
        environment=options.release_env or "",
        build=options.release_build,
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
    complain(told.text)
    return 0 if told.arrived else 1


def _page(build: str) -> Path:
    """Return where Markdown for Azure Pipelines may lie until the job has ended."""
    folder = os.environ.get("AGENT_TEMPDIRECTORY") or tempfile.gettempdir()
    return Path(folder) / f"release-{build}.md"


def _history(options: Namespace, console: Console) -> int:
    reports = Path.cwd() / "reports"
    if options.release_renew:
        return _renew(reports, console)
    if options.release_upload:
        return _upload(settings_of(options), reports, console)
    return _tell(options, reports, console)


def _renew(reports: Path, console: Console) -> int:
    from release.history import ledger  # noqa: PLC0415 - it imports jinja2

    ledger.renew(reports)
    console.print(f"written: {reports / ledger.INDEX}", soft_wrap=True)
    return 0


def _tell(options: Namespace, reports: Path, console: Console) -> int:
    """Print the history; 1 when some of it cannot be read."""
    from release.history import ledger, terminal  # noqa: PLC0415 - they import jinja2

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
        if each.commit.startswith(options.release_commit)
        and options.release_verdict in {None, each.verdict}
    ]
    now = datetime.now(UTC)
    if options.release_json:
        document = terminal.as_json(entries, found, now)
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        console.print(terminal.shown(entries, found, now))
    for path in every.unread:
        complain(f"left out: {path}, whose release.json cannot be read")
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
        console.print(f"sent: {path}", soft_wrap=True)
    where = f"{settings.env.archive_to}/index.html"
    console.print(f"the team's history: {where}", soft_wrap=True)
    return 0


COMMANDS = (
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
            Option(
                flag="--build",
                metavar="ID",
                default="",
                help="another build than the newest",
            ),
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
                flag="--commit",
                metavar="START",
                default="",
                help="list builds of a commit only",
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
)
