"""Pure: how sure a share of so many samples is, exactly (Clopper and Pearson)."""

from __future__ import annotations

from scipy import special  # type: ignore[import-untyped]


def chance_of_as_many(count: int, total: int, ratio: float) -> float:
    """Return the chance of `count` or more of `total` where each has `ratio`."""
    if count <= 0:
        return 1.0
    return float(special.betainc(count, total - count + 1, ratio))


def least_ratio(count: int, total: int, *, confidence: float) -> float:
    """Return the share that the true one is above, with a confidence.

    Args:
        count: How many had it.
        total: Of how many; above 0.
        confidence: Such as 0.95, one-sided.
    """
    if count <= 0:
        return 0.0
    return float(special.betaincinv(count, total - count + 1, 1 - confidence))


def most_ratio(count: int, total: int, *, confidence: float) -> float:
    """Return the share that the true one is below, with a confidence.

    Args:
        count: How many had it.
        total: Of how many; above 0.
        confidence: Such as 0.95, one-sided.
    """
    return 1 - least_ratio(total - count, total, confidence=confidence)
