"""The preflight of a release, beside the collection of its tests and before them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from release import builds, planning, stages
from release.azure import storage
from release.azure.clients import Azure
from release.coordination.progress import Live
from release.coordination.run import Run
from release.planning import Preflighting
from release.preflight import Finding, Plan, Preflight

WIDTH = 100
"""Characters, where nobody says how wide the terminal is."""


class Ahead:
    """Looks ahead, in the process that owns a run. Its methods are pytest's hooks.

    Args:
        run: A release, or a plan of one.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._under_way: Preflighting | None = None
        self._found: Preflight | None = None

    def clears_lock(self) -> bool:
        """Tell whether the release lock may be taken.

        It lies in the storage account, and makes one where there is none: then the
        preflight comes first, so that nothing is created before its end.
        """
        run = self._run
        if storage.account_exists(run.azure, run.settings.env):
            return True
        free = run.azure.unguarded()
        run.opened.append(free)
        found = self._begin(lambda: free).result()
        return found is not None and not found.stopping

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Begin, while tests are collected."""
        if self._under_way is None:
            self._begin(lambda: self._run.azure)

    def _begin(self, azure: Callable[[], Azure]) -> Preflighting:
        run, build = self._run, self._run.build
        killed = [
            other.id
            for other in builds.unfinished(build.root, build.environment, but=build.id)
        ]

        def planned(here: Azure) -> Plan:
            return planning.plan(
                run.settings,
                build,
                here,
                run.seen or stages.look(run.settings, here),
                source=run.source,
                unfinished=killed,
                locked=run.releases,
            )

        self._under_way = Preflighting(build, azure, planned)
        return self._under_way

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Wait for its end: what it stops is skipped; a plan runs no test at all."""
        assert self._under_way is not None  # noqa: S101 - begun with the collection
        self._found = self._under_way.result()
        if self._found and self._found.findings:
            self._show(session.config, self._found.findings)
        # Where something could not be collected, pytest ends, and says why.
        return True if self._run.plans and not session.testsfailed else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End a plan by what it found; that no test ran says nothing."""
        quiet = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._run.plans and session.exitstatus in quiet:
            good = self._found is not None and not self._found.stopping
            session.exitstatus = (
                pytest.ExitCode.OK if good else pytest.ExitCode.TESTS_FAILED
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Leave no thread behind; say what a plan came to."""
        if self._under_way:
            self._under_way.wait()
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if self._run.plans and reporter and self._found:
            self._say(reporter, self._found)

    @staticmethod
    def _show(config: pytest.Config, findings: Sequence[Finding]) -> None:
        live = config.pluginmanager.get_plugin("release-live")
        if isinstance(live, Live):
            colour = config.get_terminal_writer().hasmarkup
            live.block(rendered(findings, colour=colour))

    def _say(self, reporter: pytest.TerminalReporter, found: Preflight) -> None:
        journal = self._run.journal.path
        changes = found.what_if.summary if found.what_if else "what it changes unknown"
        if found.image:
            reporter.write_line(f"image: {found.image}")
        reporter.write_line(f"what-if in whole: {journal}")
        reporter.write_line(
            f"Plan: {changes}; {found.summary}, looked at in {found.duration_s:.1f} s.",
            bold=True,
            green=not found.stopping,
            red=bool(found.stopping),
        )


def rendered(findings: Sequence[Finding], *, colour: bool) -> str:
    """Return findings as a table, each with what to do about it."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "what", "where", "found"):
        shown.add_column(column, overflow="fold")
    for finding in findings:
        style = "red" if finding.stops else "yellow"
        found = Text(f"{finding.actual}; limit: {finding.limit}")
        found.append(f"\n{finding.fix}", style="bold")
        shown.add_row(
            Text(str(finding.severity), style=style),
            Text(finding.what),
            Text(finding.where),
            found,
        )
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=colour,
        no_color=not colour,
        width=None if colour else WIDTH,
        highlight=False,
    )
    console.print(shown)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
