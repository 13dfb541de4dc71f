"""The same data as JSON. Money is in cents, days are ISO dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, jsonify, request
from werkzeug.wrappers import Response

from rocdash.answer import answer
from rocdash.metrics import Figure, Point, figure, trend
from rocdash.periods import Period
from rocdash.question import EXAMPLES, NotUnderstood
from rocdash.view import SHOWN, view

routes = Blueprint("api", __name__, url_prefix="/api")


@routes.get("/metrics")
def metrics() -> Response:
    """Return the key figures of a range and a segment."""
    database, seen = _database(), view(request.args)
    return jsonify(
        {
            "range": seen.range,
            "segment": seen.segment,
            "period": _period(seen.period),
            "metrics": {
                each: _figure(figure(database, each, seen.period, seen.part))
                for each in SHOWN
            },
        }
    )


@routes.get("/trend")
def trends() -> Response:
    """Return the points of one metric."""
    seen = view(request.args)
    points = trend(_database(), seen.metric, seen.period, seen.part)
    return jsonify(
        {
            "metric": seen.metric,
            "unit": "cents" if seen.metric.is_money else "count",
            "range": seen.range,
            "segment": seen.segment,
            "points": _points(points),
        }
    )


@routes.get("/ask")
def ask() -> Response:
    """Return the answer to the question ``q``."""
    result = answer(_database(), request.args.get("q", ""))
    if isinstance(result, NotUnderstood):
        return jsonify(
            {"understood": False, "reason": result.reason, "examples": EXAMPLES}
        )
    return jsonify(
        {
            "understood": True,
            "sentence": result.sentence,
            "metric": result.query.metric,
            "period": _period(result.query.period),
            "segment": result.query.part.segment,
            "region": result.query.part.region,
            **_figure(result.figure),
            "points": _points(result.points),
            "ranking": [
                {"name": share.name, "value": share.value} for share in result.shares
            ],
        }
    )


def _figure(found: Figure) -> dict[str, Any]:
    return {
        "value": found.value,
        "previous": found.previous,
        "unit": "cents" if found.metric.is_money else "count",
    }


def _points(points: tuple[Point, ...]) -> list[dict[str, Any]]:
    return [{**_period(point.period), "value": point.value} for point in points]


def _period(period: Period) -> dict[str, str]:
    return {"first": period.first.isoformat(), "last": period.last.isoformat()}


def _database() -> Path:
    path: Path = current_app.config["ROCDASH"].database
    return path
