"""What pytest-html and pytest's junit.xml write, made to fit a release.

Both are pytest's own reports; this names, orders and fills them, through their hooks.
"""

from __future__ import annotations

import html as escaping
from typing import Any

import pytest
from _pytest.junitxml import LogXML, xml_key

from release.coordination.outcomes import GATE, NAME
from release.coordination.run import Run
from release.report import gates, html, smoke
from release.report.archive import drawings, screenshots, sources
from release.verdict import Outcome


class Reports:
    """The reports of a run, in the process that owns it.

    Args:
        run: What all processes share.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._record: dict[str, Any] = {}
        self._junit: LogXML | None = None

    def fill(self, record: dict[str, Any]) -> None:
        """Give what the run came to, before the reports are written."""
        self._record = record
        if self._junit:
            for name in ("environment", "build", "commit", "verdict", "reason"):
                self._junit.add_global_property(name, str(record[name]))

    def finish(self, config: pytest.Config) -> None:
        """Finish what has been written; keep plugins from naming files that move."""
        for plugin in config.pluginmanager.get_plugins():
            if type(plugin).__name__ == "SelfContainedReport":
                config.pluginmanager.unregister(plugin)
        if self._junit:
            del config.stash[xml_key]
            config.pluginmanager.unregister(self._junit)
        page = self._run.build.folder / "report.html"
        if page.exists():
            verdict = self._record.get("verdict", "no verdict")
            title = f"{verdict}: {self._run.build.id}, {self._title()}"
            page.write_text(
                html.finish(page.read_text(encoding="utf-8"), title=title),
                encoding="utf-8",
            )

    def _title(self) -> str:
        settings = self._run.settings
        kind, where = ("Release of", "to") if self._run.releases else ("Tests of", "in")
        return f"{kind} {settings.env.scale_set} {where} {settings.environment}"

    # --- junit.xml -------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Name the suite; a test's time is its own, without the stages."""
        self._junit = session.config.stash.get(xml_key, None)
        if self._junit:
            self._junit.suite_name = f"release {self._run.settings.environment}"
            self._junit.report_duration = "call"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Make each gate a test case by its own name."""
        name = dict(report.user_properties).get(NAME)
        decides = report.when == "call" or not report.passed
        if name and self._junit and decides:
            case = self._junit.node_reporter(report)
            case.add_attribute("classname", "load gates")
            case.add_attribute("name", str(name))

    # --- report.html -----------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Say what was released where; open only the tests that did not pass."""
        report.title = self._title()
        report.set_data("renderCollapsed", ["passed", "skipped"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Name the columns; what tests leave is shown above, so none for links."""
        cells[2] = cells[2].replace("Duration", "Own time")
        del cells[3]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(
        self, report: pytest.TestReport, cells: list[str]
    ) -> None:
        """Name a test as a person would, with its own time in milliseconds."""
        del cells[3]
        if not isinstance(report, pytest.TestReport):
            return
        path = report.nodeid.partition("::")[0]
        told = dict(report.user_properties)
        gate = told.get(NAME)
        name = gates.name(str(gate)) if gate else smoke.title(report.nodeid)
        if report.when != "call" and report.failed:
            path = f"{path}, in its {'set-up' if report.when == 'setup' else 'end'}"
        if report.failed and told.get(GATE) == Outcome.INCONCLUSIVE:
            cells[0] = '<td class="col-result unclear">Inconclusive</td>'
        own_ms = round(1000 * report.duration) if report.when == "call" else 0
        cells[1] = (
            f'<td class="col-testId">{escaping.escape(name)}'
            f"<small>{escaping.escape(path)}</small></td>"
        )
        cells[2] = f'<td class="col-duration">{own_ms} ms</td>'

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(
        self, report: pytest.TestReport, data: list[str]
    ) -> None:
        """Say why a test was skipped, without the place where that was said."""
        if report.skipped and isinstance(report.longrepr, tuple):
            data[0] = escaping.escape(report.longrepr[2])

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the release above the tests."""
        if self._record:
            folder = self._run.build.folder
            images = screenshots(folder, self._record)
            images |= drawings(folder, self._record)
            pages = sources(folder, self._record)
            prefix.append(html.summary(self._record, images, pages))
