"""What a visitor asked to see: query parameters, checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import abort

from rocdash.data import SEGMENTS
from rocdash.metrics import Metric, Slice
from rocdash.periods import DEFAULT_RANGE, RANGES, Period, named

SHOWN = (Metric.REVENUE, Metric.ORDERS, Metric.CUSTOMERS, Metric.AVERAGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A range, a segment and a metric, all known ones."""

    range: str
    segment: str
    """Or ``all``."""
    metric: Metric

    @property
    def period(self) -> Period:
        """The days that the range stands for."""
        return named(self.range)

    @property
    def part(self) -> Slice:
        """The part of the business that the segment stands for."""
        return Slice(segment=None if self.segment == "all" else self.segment)

    def to(self, **changes: str) -> dict[str, str]:
        """Return the parameters of this view with some changed."""
        here = {"range": self.range, "segment": self.segment, "metric": self.metric}
        return {**here, **changes}


def view(parameters: Mapping[str, str]) -> View:
    """Read query parameters; abort with 400 that names what is allowed."""
    return View(
        range=_one_of(parameters, "range", RANGES, DEFAULT_RANGE),
        segment=_one_of(parameters, "segment", ("all", *SEGMENTS), "all"),
        metric=Metric(_one_of(parameters, "metric", list(Metric), Metric.REVENUE)),
    )


def _one_of(
    parameters: Mapping[str, str], name: str, allowed: Collection[str], default: str
) -> str:
    value = parameters.get(name, default)
    if value not in allowed:
        abort(
            HTTPStatus.BAD_REQUEST,
            f"{name} is {value!r}; it can be {', '.join(allowed)}.",
        )
    return value
