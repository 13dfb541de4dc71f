"""A query becomes an answer: a sentence, a figure and what to draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rocdash.metrics import Figure, Metric, Point, Share, figure, ranking, trend
from rocdash.question import NotUnderstood, Query, understand
from rocdash.wording import change_text, value_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is shown for a question that was understood."""

    query: Query
    sentence: str
    figure: Figure
    points: tuple[Point, ...]
    shares: tuple[Share, ...]


def answer(database: Path, question: str) -> Answer | NotUnderstood:
    """Answer a question in plain language."""
    query = understand(question)
    if isinstance(query, NotUnderstood):
        return query
    shares: tuple[Share, ...] = ()
    if query.by:
        shares = ranking(
            *(database, query.metric, query.period, query.part),
            by=query.by,
            at_most=query.at_most,
        )
    found = figure(database, query.metric, query.period, query.part)
    return Answer(
        query=query,
        sentence=_sentence(query, found, shares),
        figure=found,
        points=trend(database, query.metric, query.period, query.part),
        shares=shares,
    )


def _sentence(query: Query, found: Figure, shares: tuple[Share, ...]) -> str:
    if shares:
        first = shares[0]
        return (
            f"{first.name.title()} leads with "
            f"{_what(query.metric, first.value)}, {query.period.text}."
        )
    change = (
        f"{change_text(found)} on the {query.period.days} days before"
        if found.change_ratio is not None
        else "with nothing to compare it to"
    )
    return f"{_what(query.metric, found.value)}, {query.period.text}: {change}."


def _what(metric: Metric, value: int) -> str:
    text = value_text(metric, value)
    if metric.is_money:
        per = " an order" if metric is Metric.AVERAGE else " of revenue"
        return f"{text}{per}"
    noun = metric.label.lower()
    return f"{text} {noun.removesuffix('s') if value == 1 else noun}"
