"""The top of a report: the verdict in a sentence, what serves, who and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.azure import tags
from release.report import figures, gates

ALIKE_PERCENT = 5
"""A duration that differs by less from the usual one is told as usual."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One thing to know at a glance."""

    name: str
    value: str
    notes: tuple[str, ...] = ()
    """Further lines, in small."""
    title: str = ""
    """The value in full, where it is shortened."""
    href: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Top:
    """What a reader sees first."""

    verdict: str
    sentence: str
    serving: str
    """What runs now, or "" where the sentence says it."""
    facts: tuple[Fact, ...]


def top(record: Mapping[str, Any]) -> Top:
    """Return the top of a build's report."""
    origin = record.get("origin") or {}
    cloud, name = record["cloud"], record["environment"]
    facts = [
        Fact(
            name="Environment",
            value=name,
            notes=(cloud,) if cloud not in ("", name) else (),
        ),
        Fact(name="Run" if record["attached"] else "Build", value=record["build"]),
        _deployed(record) if record["attached"] else _commit(record, origin),
        _starter(origin.get("who", "")),
        Fact(name="Started", value=figures.moment(record["started_at"])),
        _took(record, {} if record["attached"] else origin.get("usual") or {}),
    ]
    return Top(
        verdict=record["verdict"],
        sentence=sentence(record),
        serving=serving(record),
        facts=tuple(fact for fact in facts if fact.value),
    )


def headline(record: Mapping[str, Any]) -> str:
    """Return the verdict in one sentence, and what serves now in another."""
    return f"{sentence(record)} {serving(record)}".rstrip()


def sentence(record: Mapping[str, Any]) -> str:
    """Return the verdict in one sentence."""
    verdict, reason = str(record["verdict"]).capitalize(), _reason(record)
    deployment = record.get("deployment")
    if record["verdict"] == "passed" and deployment:
        count = len(deployment["instances"])
        runs = f"build {deployment['build'] or 'unknown'} runs on {count} instances"
        return f"{verdict}: {runs}; {reason}."
    return f"{verdict}: {reason}" + ("" if reason.endswith((".", "!", "?")) else ".")


def _reason(record: Mapping[str, Any]) -> str:
    """Return the reason; a gate that decided it is told as a person would."""
    reason = str(record["reason"])
    for gate in record["gates"]:
        text = str(gate["text"])
        if gate["outcome"] == "failed" and reason.startswith(text):
            return gates.spoken(gate) + reason[len(text) :]
    return reason


def serving(record: Mapping[str, Any]) -> str:
    """Return what runs now, where the verdict does not say it, in a sentence."""
    rollback, before = record.get("rollback"), record.get("previous")
    if rollback:
        proved = all(
            stage["outcome"] == "passed"
            for stage in record["stages"]
            if stage["name"] == "rollback"
        )
        asks = f"; python -m release status --env {record['environment']} tells"
        text = str(rollback["text"])
        return text if proved else f"{text.rstrip('.')}{asks} what runs."
    if record["verdict"] == "passed" or record["attached"]:
        return ""
    deploys = any(stage["name"] == "deploy" for stage in record["stages"])
    if record.get("touched", deploys):
        return (
            "What it had begun to deploy was not undone; the next release does so, "
            "or python -m release clean."
        )
    if before:
        count = len(before["instances"])
        build = before["build"] or "unknown"
        return f"Build {build} serves as before, on {count} instances."
    return "Nothing was deployed."


def _deployed(record: Mapping[str, Any]) -> Fact:
    """Return the commit that a run tested, which is not that of its own checkout."""
    commit = ((record.get("deployment") or {}).get("tags") or {}).get(tags.COMMIT, "")
    return Fact(name="Commit deployed", value=figures.short(commit), title=commit)


def _commit(record: Mapping[str, Any], origin: Mapping[str, Any]) -> Fact:
    commit, change = record["commit"], origin.get("change") or {}
    if not commit:
        return Fact(name="Commit", value="none")
    written = change.get("authored_at", "")
    at = figures.moment(written) if written else ""
    by = ", ".join(part for part in (change.get("author", ""), at) if part)
    return Fact(
        name="Commit",
        value=figures.short(commit),
        title=commit,
        notes=tuple(line for line in (change.get("subject", ""), by) if line),
    )


def _starter(who: str) -> Fact:
    """Return who or what started it: a person's name and host, or a CI run."""
    if who.startswith(("https://", "http://")):
        host = who.split("/")[2]
        return Fact(name="Started by", value=f"CI run at {host}", href=who)
    return Fact(name="Started by", value=who)


def _took(record: Mapping[str, Any], usual: Mapping[str, Any]) -> Fact:
    took_s = record["duration_s"]
    compares = took_s if record["verdict"] == "passed" else None
    told = compared(compares, usual.get("duration_s"), usual.get("builds", 0))
    return Fact(
        name="Took",
        value=figures.duration(took_s),
        notes=(told,) if told else (),
    )


def compared(took_s: float | None, usual_s: float | None, builds: int) -> str:
    """Return a duration against the usual one, in words; "" where none is known.

    Args:
        took_s: How long it took; None where it did not come to its end.
        usual_s: What is usual.
        builds: Of how many that is the median.
    """
    if not usual_s:
        return ""
    many = f"the median of the last {builds}" if builds > 1 else "that of the last"
    usual = f"{figures.duration(usual_s)}, {many} that passed"
    if took_s is None:
        return f"usual: {usual}"
    percent = round(100 * (took_s / usual_s - 1))
    if abs(percent) < ALIKE_PERCENT:
        return f"as usual ({usual})"
    return f"{abs(percent)} % {'longer' if percent > 0 else 'shorter'} than {usual}"
