"""Numbers as people read them. Pure."""

from __future__ import annotations

from rocdash.metrics import Figure, Metric

_THOUSAND = 1_000
_MILLION = 1_000_000


def value_text(metric: Metric, value: int) -> str:
    """Write a value in full: ``$1,234`` or ``5,678``."""
    return f"${value / 100:,.0f}" if metric.is_money else f"{value:,}"


def short_text(metric: Metric, value: int) -> str:
    """Write a value in few signs: ``$1.23M``, ``$45.6k``, ``789``."""
    sign = "$" if metric.is_money else ""
    number = value / 100 if metric.is_money else value
    if number >= _MILLION:
        return f"{sign}{_trimmed(number / _MILLION, 2)}M"
    if number >= 10 * _THOUSAND:
        return f"{sign}{_trimmed(number / _THOUSAND, 1)}k"
    return f"{sign}{number:,.0f}"


def _trimmed(number: float, places: int) -> str:
    return f"{number:.{places}f}".rstrip("0").rstrip(".")


def change_text(figure: Figure) -> str:
    """Write a change as a percentage: ``+4.2%``, ``-1.0%``, ``new``."""
    if figure.change_ratio is None:
        return "new"
    percent = round(100 * figure.change_ratio, 1)
    sign = "\N{MINUS SIGN}" if percent < 0 else "+" if percent > 0 else "±"
    return f"{sign}{abs(percent):.1f}%"


def change_direction(figure: Figure) -> str:
    """Return ``up``, ``down`` or ``flat``."""
    difference = figure.value - figure.previous
    return "up" if difference > 0 else "down" if difference < 0 else "flat"
