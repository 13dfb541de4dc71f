"""The short form of a build: for a terminal, a CI's page, a webhook. Pure.

``release.json`` in, text out; what is not in an older record is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from release.redaction import redact_all
from release.report.failures import Failure, failures
from release.report.figures import counted, duration, moment, short
from release.report.gates import gates
from release.report.top import headline, sentence, serving

_COLUMNS = ("endpoint", "title", "measured", "limit", "margin", "samples", "outcome")
MOST_FAILURES = 10
"""Failures that are shown; the report has all of them."""


def text(record: Mapping[str, Any], link: str = "") -> str:
    """Return it for a terminal.

    Args:
        record: The build's ``release.json``.
        link: Where the report can be read; "" where that is not known.
    """
    facts = _facts(record, link)
    width = max(len(name) for name, _ in facts)
    lines = [headline(record), *(f"  {name:{width}}  {it}" for name, it in facts)]
    for failure in failures(record)[:MOST_FAILURES]:
        lines += ["", f"{failure.place} {failure.title}: {failure.cause}"]
        if failure.fix:
            lines.append(f"  fix: {failure.fix}")
    rows = [gate for gate in _gates(record) if gate["outcome"] != "passed"]
    if rows:
        lines.append("")
    lines += [f"{gate['outcome']}: {_line(gate)}" for gate in rows]
    return "\n".join(lines) + "\n"


def markdown(record: Mapping[str, Any], link: str = "") -> str:
    """Return it for the page of a CI run; the arguments are those of `text`."""
    parts = [f"## {_plain(sentence(record))}"]
    if serves := serving(record):
        parts.append(_plain(serves))
    if link:
        parts.append(f"[The report]({link})")
    facts = [(name, it) for name, it in _facts(record, link) if name != "report"]
    parts.append(_table(("", ""), facts))
    for failure in failures(record)[:MOST_FAILURES]:
        parts += _failure(failure)
    rows = [tuple(str(each[name]) for name in _COLUMNS) for each in _gates(record)]
    if record.get("pages"):
        parts.append("### Pages in time")
        parts.append("\n".join(f"- {_plain(_page(it))}" for it in record["pages"]))
    if rows:
        columns = ("Endpoint", "Gate", "Measured", "Limit", "Margin", "Samples", "")
        parts.append(f"### {counted(record['gates'], 'load gate').capitalize()}")
        parts.append(_table(columns, rows))
    return "\n\n".join(parts) + "\n"


def azure(record: Mapping[str, Any], page: str) -> str:
    """Return what Azure Pipelines reads off a step's output: its logging commands.

    Source: Microsoft's "Logging commands": a message has its ends of lines as %0A;
    ``task.uploadsummary`` attaches a file of Markdown to the run.

    Args:
        record: The build's ``release.json``.
        page: Path of a file with what `markdown` returns.
    """
    kind = "warning" if record["verdict"] == "inconclusive" else "error"
    said = [f"{each.title}: {each.cause}" for each in failures(record)]
    if record["verdict"] != "passed" and not said:
        said = [sentence(record)]
    lines = [f"##vso[task.logissue type={kind}]{_message(it)}" for it in said]
    lines += [f"##vso[task.uploadsummary]{page}", _harmless(headline(record))]
    return "\n".join(lines) + "\n"


def document(record: Mapping[str, Any], link: str = "") -> dict[str, Any]:
    """Return it for a webhook, as JSON without secrets.

    ``text`` is what chats show (Slack, Teams, Mattermost, Google Chat); the rest is
    for programs. The arguments are those of `text`.
    """
    said = headline(record)
    where = f"{record['service']} in {record['environment']}"
    shown = {
        "text": f"{where}: {said}" + (f" {link}" if link else ""),
        "link": link,
        **{name: record[name] for name in ("verdict", "reason", "service")},
        **{name: record[name] for name in ("environment", "build", "commit")},
        **{name: record[name] for name in ("started_at", "duration_s")},
        "rolled_back": record.get("rollback") is not None,
        "gates": _counts(record),
        "failures": [
            {"what": each.title, "place": each.place, "cause": each.cause}
            for each in failures(record)[:MOST_FAILURES]
        ],
    }
    found: dict[str, Any] = redact_all(shown)
    return found


def _facts(record: Mapping[str, Any], link: str) -> list[tuple[str, str]]:
    smoke = [test for test in record["tests"] if test["group"] == "smoke"]
    return [
        ("environment", f"{record['environment']} ({record['cloud']})"),
        ("build", record["build"]),
        ("commit", short(record["commit"]) or "none"),
        ("started", moment(record["started_at"])),
        ("took", duration(record["duration_s"])),
        ("smoke", counted(smoke, "test")),
        ("load", counted(record["gates"], "gate")),
        ("report", link or "not known where"),
    ]


def _gates(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for group in gates(record["gates"]):
        for gate in group["gates"]:
            yield {**gate, "endpoint": group["title"]}


def _page(page: Mapping[str, Any]) -> str:
    return f"{page['text']}, in {page['browser']}"


def _counts(record: Mapping[str, Any]) -> dict[str, int]:
    outcomes = [gate["outcome"] for gate in record["gates"]]
    names = ("passed", "failed", "inconclusive")
    return {name: outcomes.count(name) for name in names}


def _line(gate: Mapping[str, Any]) -> str:
    return (
        f"{gate['endpoint']}: {gate['title']} {gate['measured']}, "
        f"limit {gate['limit']}, {gate['margin']}, {gate['samples']} samples"
    )


def _failure(failure: Failure) -> list[str]:
    parts = [f"### {failure.place.capitalize()}: {_plain(failure.title)}"]
    longest = max((len(run) for run in re.findall("`+", failure.cause)), default=0)
    fence = "`" * max(3, longest + 1)
    parts.append(f"{fence}\n{failure.cause}\n{fence}")
    if failure.fix:
        parts.append(f"Next: {_plain(failure.fix)}")
    return parts


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns)]
    lines += [tuple(_plain(cell) for cell in row) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(value: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(value.split()))


def _harmless(value: str) -> str:
    """Return a text that holds no command for the agent."""
    return value.replace("##", "# #")


def _message(value: str) -> str:
    return value.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
