"""Releases of the tiny project with faults; the table is printed at the end."""

from __future__ import annotations

import pytest

from tests.harness.releases.conftest import project

__all__ = ["project"]
COLUMNS = ("fault", "where", "struck", "verdict", "seconds", "said")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each release with a fault came to, and what others asked."""
    told = [
        dict(report.user_properties)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    rows = [row for row in told if set(row) == set(COLUMNS)]
    if rows:
        terminalreporter.section(f"{len(rows)} faults")
    for row in rows:
        line = "{where}: {fault} | {struck} x | {verdict} | {seconds} s".format(**row)
        terminalreporter.write_line(line)
        terminalreporter.write_line(f"    {row['said']}")
    for row in told:
        if row not in rows:
            for name, value in row.items():
                terminalreporter.write_line(f"{name}: {value}")
