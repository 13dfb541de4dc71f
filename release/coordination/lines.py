"""The lines that show a journal's events. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from release.journal import Event, Kind
from release.report.steps import theme


class Style(Enum):
    """How a line looks where there is colour."""

    STEP = "step"
    """What is being done: the newest one is written again in place."""
    OUTPUT = "output"
    GOOD = "good"
    BAD = "bad"
    CAUSE = "cause"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of progress."""

    stage: str
    text: str
    style: Style
    theme: str = ""
    """A line replaces the one before it of the same theme; "" replaces none."""


def lines(event: Event, *, verbose: bool = False) -> Iterator[Line]:
    """Yield the lines that show an event; none for one that nobody waits for."""
    data, stage = event.data, event.stage
    match event.kind:
        case Kind.STAGE_STARTED:
            yield Line(stage=stage, text="started", style=Style.STEP, theme="started")
        case Kind.PROGRESS:
            text = str(data["text"])
            yield Line(stage=stage, text=text, style=Style.STEP, theme=theme(text))
        case Kind.OUTPUT if verbose:
            yield Line(stage=stage, text=f"| {data['line']}", style=Style.OUTPUT)
        case Kind.STAGE_FINISHED:
            good = data["outcome"] == "passed"
            word = "done" if good else data["outcome"]
            took = f"{word} after {data['duration_s']:.1f} s"
            yield Line(stage=stage, text=took, style=Style.GOOD if good else Style.BAD)
            for text in str(data.get("error") or "").splitlines():
                yield Line(stage=stage, text=f"  {text}", style=Style.CAUSE)
        case _:
            return
