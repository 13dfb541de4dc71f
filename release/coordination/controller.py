"""The controller: the one process of a run that begins it, judges it and ends it.

With ``-n`` it is the xdist controller; without, the only process. Its methods are
pytest's hooks.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from release import builds, stages
from release.coordination import archiving, collection, ending, interruption, killed
from release.coordination.ahead import Ahead
from release.coordination.interim import Interim
from release.coordination.lock import Lock
from release.coordination.outcomes import ended
from release.coordination.progress import Live
from release.coordination.reports import Reports
from release.coordination.run import Run
from release.coordination.screen import Screen
from release.errors import ArchiveFailed, ReleaseError
from release.history import keep
from release.journal import Kind
from release.redaction import redact_files
from release.report import webhook
from release.report.figures import duration
from release.report.origin import origin
from release.report.record import record
from release.report.top import headline
from release.verdict import Ended, State, Verdict, attached, verdict


class Controller:
    """A run, in the process that owns it.

    Args:
        run: What all processes share.
        lock: Of a release, which takes it before anything else; None when attached.
        keep_failed: Leave a failed build in place.
        verbose: Show each line that a command prints.
    """

    def __init__(
        self, run: Run, lock: Lock | None, *, keep_failed: bool, verbose: bool
    ) -> None:
        self.run = run
        self._lock = lock
        self._live: Live | None = None
        self._keep_failed = keep_failed
        self._verbose = verbose
        self._reports = Reports(run)
        self._ahead = Ahead(run)
        self._tests: dict[str, Ended] = {}
        self._record: dict[str, Any] = {}
        self._interrupted = ""
        self._paths: tuple[str, ...] = ()
        """Where tests are collected, as pytest was asked to."""
        self._uncollected: list[str] = []
        self._swept: list[str] = []
        self._told: list[str] = []
        """What became of the archive, beside the report."""
        self._interim = Interim(run.build, self._so_far)
        self._report = run.build.folder / "report.html"

    def start(self, config: pytest.Config) -> None:
        """Fill the reports, and end in order when asked to."""
        self._paths = tuple(config.args)
        config.pluginmanager.register(self._reports, "release-reports")
        if self.run.plans or self.run.releases:
            config.pluginmanager.register(self._ahead, "release-ahead")
        interruption.heed(self._interim.begin if self.run.releases else _nothing)
        # What was imported stays until the end: no collection need look at it.
        gc.freeze()
        os.environ[interruption.MARK] = str(self.run.build.folder)

    # --- beginning ------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Show progress from here on; take the lock, which a release begins with."""
        if self.run.releases and tuple(session.config.args) != self._paths:
            raise pytest.UsageError(
                "a plugin has pytest collect other tests than all gates, which a "
                f"release runs: {' '.join(session.config.args)}\n  fix: leave out its "
                "option; or only test what is deployed: pytest --attach --env "
                f"{self.run.settings.environment}"
            )
        plugins = session.config.pluginmanager
        reporter = plugins.get_plugin("terminalreporter")
        if reporter:
            screen = Screen(reporter, session.config.get_terminal_writer())
            self._live = Live(self.run.journal, screen, verbose=self._verbose)
            plugins.register(self._live, "release-live")
            self._live.start()
        try:
            self._begin()
        except ReleaseError as error:
            raise pytest.UsageError(str(error)) from None

    def _begin(self) -> None:
        run = self.run
        if self._lock and self._ahead.clears_lock():
            self._swept = killed.sweep(run, self._lock.take(run.azure))
        run.seen = stages.look(run.settings, run.azure)
        stages.count(run.journal, run.azure)
        if not run.plans:
            found = origin(
                run.settings.root,
                run.build.archive.parent,
                deployed=run.seen.tags if run.seen else {},
                variables=os.environ,
            )
            run.journal.write(Kind.VALUE, name="origin", value=found)

    @pytest.hookimpl(trylast=True)
    def pytest_report_header(self) -> list[str]:
        """Say release or attach, and what is deployed."""
        run, name = self.run, self.run.settings.environment
        if run.plans:
            first = f"plan: a release to environment {name}; nothing is changed"
        elif run.releases:
            first = f"release: build {run.build.id} to environment {name}"
        else:
            first = f"attach: environment {name}, {run.selection.reason}; no change"
        deployed = f"nothing at {name} yet"
        if run.seen:
            deployed = f"build {run.seen.build or 'unknown'}, {run.seen.summary}"
        return [first, *self._swept, f"deployed: {deployed}"]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand the run to an xdist worker."""
        node.workerinput["release"] = {
            "build": self.run.build.id,
            "mode": str(self.run.selection.mode),
            "reason": self.run.selection.reason,
        }

    # --- while it runs ----------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how a test ended."""
        found = ended(report)
        if found is None:
            return
        self._tests[found.nodeid] = found
        if not hasattr(report, "node"):
            self.run.note(found)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Note a worker that died, so that nobody waits for its tests."""
        if error:
            self.run.journal.write(
                Kind.VALUE, name="worker_died", value=f"{node.gateway.id}: {error}"
            )

    def pytest_keyboard_interrupt(
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> None:
        """Note that the run was ended from outside."""
        self._interrupted = str(excinfo.value) or "Ctrl-C"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected: those are gates that did not run."""
        if report.failed and report.nodeid not in self._uncollected:
            self._uncollected.append(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Refuse what a worker found that may not run: it cannot say so itself."""
        collection.heed(self.run)
        goes_on = node.config.getoption("continue_on_collection_errors")
        if self._uncollected and not goes_on:
            # Without workers pytest itself ends here; xdist would run the rest.
            raise pytest.Session.Interrupted("errors during collection")

    # --- ending -------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session
    ) -> Generator[None, None, None]:
        """Judge, tag or undo; let the reports be written; archive them.

        A run that was refused before it began anything is none: nothing is kept.
        """
        journal = self.run.journal
        refused = session.exitstatus == pytest.ExitCode.USAGE_ERROR
        counts = self.run.releases and (stages.begun(journal) or not refused)
        journal.go_on()
        with interruption.undisturbed(self._ask_for_patience):
            self._interim.end()
            if counts and self._interrupted:
                interruption.end_workers(journal)
            if counts or (self.run.build.attached and self._gates()):
                found = self._judge(session) if counts else self._look_back()
                self._keep(session, found)
            if self._live:
                self._live.stop()
            try:
                with keep.archiving(self.run.build.id, self.run.build.folder):
                    try:
                        yield
                    finally:
                        self._finish(session.config)
            except ArchiveFailed as error:
                self._told.append(str(error))
            finally:
                if counts and not self._told:
                    self._archive()
                elif self.run.build.attached:
                    redact_files(self.run.build.folder)

    def _finish(self, config: pytest.Config) -> None:
        """End what should have ended, and finish the reports."""
        journal = self.run.journal
        if self._interrupted or journal.value("worker_died"):
            # xdist has ended what it could: a browser may have lost its worker.
            killed.end(self.run.build)
        self._reports.finish(config)
        _say_once(config, stages.told(journal))

    def _ask_for_patience(self) -> None:
        text = "the end of this release cannot be interrupted: it is undone as needed"
        self.run.journal.write(Kind.PROGRESS, text=text)

    def _judge(self, session: pytest.Session) -> Verdict:
        """Judge a release, then tag it or undo it."""
        run = self.run
        found = self._verdict(self._interrupted)
        if found.state is State.PASSED and session.exitstatus != pytest.ExitCode.OK:
            reason = f"pytest itself ended with status {int(session.exitstatus)}"
            found = Verdict(state=State.FAILED, reason=reason)
        return ending.end(
            run,
            self._lock,
            found,
            interrupted=bool(self._interrupted),
            keep_failed=self._keep_failed,
            show=lambda error: session.config.notify_exception(
                pytest.ExceptionInfo.from_exception(error)
            ),
        )

    def _verdict(self, interrupted: str) -> Verdict:
        journal = self.run.journal
        return verdict(
            self._gates(),
            broken=stages.broken(journal) or self._missing(),
            unclear=stages.unclear(journal),
            unfinished=stages.unfinished(journal),
            interrupted=interrupted,
        )

    def _so_far(self, why: str) -> dict[str, Any]:
        """Return the record of a release that was just told to end."""
        return self._document(self._verdict(why))

    def _look_back(self) -> Verdict:
        """Judge a run that only tested what it found."""
        return attached(
            self._gates(),
            broken=stages.broken(self.run.journal) or self._missing(),
            interrupted=self._interrupted,
        )

    def _gates(self) -> list[Ended]:
        return [test for test in tuple(self._tests.values()) if test.group]

    def _keep(self, session: pytest.Session, found: Verdict) -> None:
        """Make the record of what the run came to; anything but passed is exit 1."""
        run = self.run
        if found.state is not State.PASSED and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        run.journal.write(
            Kind.BUILD_FINISHED, verdict=str(found.state), reason=found.reason
        )
        for azure in run.opened:
            stages.count(run.journal, azure)
        self._record = self._document(found)
        self._reports.fill(self._record)

    def _document(self, found: Verdict) -> dict[str, Any]:
        run = self.run
        return record(
            run.settings,
            build=run.build.id,
            attached=run.build.attached,
            verdict=found,
            tests=self._gates(),
            events=run.journal.read(),
            tools=stages.tools(),
            seen=run.seen.to_json() if run.seen else None,
        )

    def _missing(self) -> str:
        names = ", ".join(self._uncollected)
        return f"{names} could not be collected" if names else ""

    def _archive(self) -> None:
        """Put the build into the archive; what keeps it from there is told, no more."""
        run, build = self.run, self.run.build
        try:
            archiving.archive(run.settings, build, self._record)
        except ArchiveFailed as error:
            self._told.append(str(error))
        if not build.archive.exists():
            return
        self._report = build.archive / "report.html"
        if run.settings.env.archive_to:
            self._upload()

    def _upload(self) -> None:
        run = self.run
        try:
            azure = run.connected_anew().unguarded()
            path = f"{run.build.environment}/{run.build.id}"
            seen_at = archiving.upload(run.settings, azure, [path])
            azure.close()
        except ReleaseError as error:
            self._told.append(archiving.one_line(error))
        else:
            self._told.append(f"the team's history: {seen_at}")

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Let go of what the run holds, and say how it ended, last of all."""
        if self._live:
            self._live.stop()
        if self._lock:
            self._lock.release()
        self.run.close()
        if self.run.build.attached:
            _keep_last(self.run)
        elif not self._record and not stages.begun(self.run.journal):
            self._interim.withdraw()
            shutil.rmtree(self.run.build.folder, ignore_errors=True)
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter and (self._record or self._report.is_file()):
            self._say(reporter)
        # After all else: it may take half a minute, and a CI leaves us ten seconds.
        releases = self._record and not self.run.build.attached
        told = webhook.tell(self.run.settings, self._record) if releases else ""
        if reporter and told:
            reporter.write_line(told)

    def _say(self, terminalreporter: pytest.TerminalReporter) -> None:
        where = f"report: {_near(self._report, terminalreporter.startpath)}"
        if not self._record:
            terminalreporter.write_line(where)
            return
        if self.run.settings.env.cloud == "local":
            terminalreporter.write_line(
                "The embedded Azure is left up; to stop it: "
                f"python -m release down --env {self.run.settings.environment}"
            )
        state = self._record["verdict"]
        colour = {"passed": "green", "failed": "red"}.get(state, "yellow")
        markup = {colour: True, "bold": True}
        terminalreporter.write_line(headline(self._record), **markup)
        took = duration(self._record["duration_s"])
        terminalreporter.write_line(f"{state} in {took}, {where}", **markup)
        for line in self._told:
            terminalreporter.write_line(line, yellow=True)


def _nothing(_why: str) -> None:
    """Keep no report of a run that changes nothing."""


def _near(path: Path, folder: Path) -> Path:
    """Return a path as short as it can be said from a folder."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _say_once(config: pytest.Config, told: Sequence[str]) -> None:
    """Keep the terminal from telling the error of a stage again."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not reporter:
        return
    for report in (*reporter.getreports("error"), *reporter.getreports("failed")):
        if report.longreprtext.strip() in told:
            report.longrepr = "told above, where its stage failed"


def _keep_last(run: Run) -> None:
    """Keep only the last attached run's files."""
    for other in builds.left(run.build.root, run.build.environment, attached=True):
        begun = other.journal.read()
        alive = begun and psutil.pid_exists(begun[0].pid)
        if other.id != run.build.id and not alive:
            killed.end(other)
            shutil.rmtree(other.folder, ignore_errors=True)
