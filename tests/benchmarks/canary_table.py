"""What the canary and its rivals said of recorded runs, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import rivals
from canary_runs import CONDITIONS, Condition, Decision, Run, decide
from rich.console import Console
from rich.table import Table

from release.load import Outcome
from release.settings.model import Canary as Rules

LEGEND = """\
right, wrong: names the endpoint that is worse, another one; load s: median until it was
clear; added: median of the time added, as a share of the old one's median; p95: a fixed
limit, a tenth above what identical builds had; M-W: Mann-Whitney, as Kayenta does;
others: share of the machine that anything else used"""
COLUMNS = (
    *("runs", "failed", "right", "wrong", "passed", "unclear"),
    *("load s", "added", "p95", "M-W", "others"),
)


def line(run: Run, rules: Rules) -> str:
    """Tell one run in a line."""
    decision = decide(run.pairs, rules)
    found = decision.found
    return (
        f"{run.condition} {run.number}: {found.outcome} after {decision.after_s:g} s, "
        f"others used {run.other_cpu_ratio:.0%} of the machine: {found.text}"
    )


def show(console: Console, runs: Sequence[Run], rules: Rules) -> None:
    """Print the table."""
    same = [pair for run in runs if run.condition == "same" for pair in run.pairs]
    allowed_ms = rivals.limits(same)
    table = Table(title="canary, and others on the same answers", title_justify="left")
    table.add_column("new build", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for condition in CONDITIONS:
        own = [run for run in runs if run.condition == condition.name]
        if own:
            table.add_row(condition.name, *_row(own, condition, rules, allowed_ms))
    console.print(table)
    console.print(LEGEND)


def _row(
    runs: Sequence[Run],
    condition: Condition,
    rules: Rules,
    allowed_ms: dict[str, float],
) -> list[str]:
    decisions = [decide(run.pairs, rules) for run in runs]
    outcomes = [each.found.outcome for each in decisions]
    names = [
        decision.names(run.endpoint)
        for run, decision in zip(runs, decisions, strict=True)
    ]
    added = [run.delay_ms / run.median_ms(run.endpoint) for run in runs if run.delay_ms]
    return [
        str(len(runs)),
        str(outcomes.count(Outcome.FAILED)),
        str(sum(names)) if condition.is_worse else "",
        str(sum(map(_blames_another, runs, decisions))),
        str(outcomes.count(Outcome.PASSED)),
        str(outcomes.count(Outcome.INCONCLUSIVE)),
        f"{median(each.after_s for each in decisions):.0f}",
        f"{median(added):.1%}" if added else "",
        str(
            sum(bool(rivals.above_limit(each.pairs, allowed_ms)) for each in decisions)
        ),
        str(sum(bool(rivals.shifted(each.pairs)) for each in decisions)),
        f"{median(run.other_cpu_ratio for run in runs):.0%}",
    ]


def _blames_another(run: Run, decision: Decision) -> bool:
    return any(
        each.outcome is Outcome.FAILED and each.name != run.endpoint
        for each in decision.found.endpoints
    )
