"""Load gates as the report shows them: named, grouped, drawn. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from release.report.figures import quantity

_NAMES = {
    "max_ms": "longest response",
    "error_ratio": "failed requests",
    "min_rate": "requests a second",
    "min_samples": "good responses",
}


def title(metric: str) -> str:
    """Return a metric of release.toml in words."""
    percent = re.fullmatch(r"p(\d+)(?:_(\d+))?_ms", metric)
    if percent:
        whole, part = percent.groups()
        if (whole, part) == ("50", None):
            return "median response"
        return f"p{whole}{'.' + part if part else ''} response"
    return _NAMES.get(metric, metric)


def endpoint_title(endpoint: str) -> str:
    """Return the name of an endpoint; ``*`` is all of them."""
    return "All requests" if endpoint == "*" else endpoint


def name(gate_id: str) -> str:
    """Return a gate's id ("GET / p95_ms") in words: "GET /: p95 response"."""
    endpoint, _, metric = gate_id.rpartition(" ")
    return f"{endpoint_title(endpoint)}: {title(metric)}"


def spoken(gate: Mapping[str, Any]) -> str:
    """Return a gate and what came of it: "GET /: p95 response was 9 ms, limit 5 ms"."""
    measured, limit = (quantity(gate[it], gate["unit"]) for it in ("measured", "limit"))
    named = f"{endpoint_title(gate['endpoint'])}: {title(gate['metric'])}"
    return f"{named} was {measured}, limit {limit}"


def bar(measured: float | None, limit: float) -> dict[str, float]:
    """Return per cents of one scale from zero: what is filled, where the limit is.

    The scale ends at the larger of the two, so that a breach shows at a glance.
    """
    value = max(measured or 0.0, 0.0)
    scale = max(value, limit) or 1.0
    return {
        "fill": round(100 * value / scale, 1),
        "limit": round(100 * limit / scale, 1),
    }


def gates(judged: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the gates grouped by endpoint, in their order, ready to be shown."""
    return [
        {"title": endpoint_title(endpoint), "gates": [_shown(gate) for gate in group]}
        for endpoint, group in groupby(judged, key=lambda gate: str(gate["endpoint"]))
    ]


def _shown(gate: Mapping[str, Any]) -> dict[str, Any]:
    least = gate["metric"].startswith("min_")
    unit, margin = gate["unit"], gate["margin"]
    return {
        "metric": gate["metric"],
        "title": title(gate["metric"]),
        "limit": f"{'≥' if least else '≤'} {quantity(gate['limit'], unit)}",
        "measured": quantity(gate["measured"], unit),
        "margin": _margin(margin, unit, least=least),
        "samples": gate["samples"],
        "outcome": gate["outcome"],
        "bar": bar(gate["measured"], gate["limit"]),
    }


def _margin(margin: float | None, unit: str, *, least: bool) -> str:
    if margin is None:
        return "not measured"
    if margin < 0:
        return f"{quantity(-margin, unit)} {'short' if least else 'over'}"
    return f"{quantity(margin, unit)} to spare" if margin else "none to spare"
