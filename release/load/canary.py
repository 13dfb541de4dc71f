"""Pure: whether a new instance answers worse than an old one beside it.

Both got the same requests, one right after the other, so that what the machine and the
network did to one they did to the other. For each endpoint:

- **Times.** The ratio of each pair, as a logarithm, the outermost ones drawn in so that
  a single stall does not decide; of each block of time the mean, since requests of one
  moment are not independent; over the blocks the mean with Student's interval.
- **Slowest.** How many pairs have only their new, or only their old answer beyond the
  old ones' p95 (McNemar's exact test): a build may be slower in its tail alone.
- **Errors.** How many pairs failed on one side only, likewise.

It is looked at more than once and at several endpoints: the chance of a false alarm is
shared out among all of these (Bonferroni), so that it is at most `ALARM` in all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from release.load.gate import Canary, Endpoint, Outcome
from release.load.proportions import chance_of_as_many
from release.settings.model import Canary as Rules

ALARM = 0.02
SAME = 0.99
"""How sure it must be that a change is smaller than one that matters."""
LEAST_BLOCKS = 5
LEAST_PAIRS = 50
TAIL_PERCENT = 95
OUTERMOST = (2.5, 97.5)
"""Percentiles that log ratios are drawn in to."""
EVEN = 0.5
"""The chance of either side where there is no difference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One request, as both instances answered it."""

    at: float
    """Seconds since measuring began."""
    endpoint: str
    first: str
    """Who was asked first, "new" or "old"."""
    new: float | None
    """Milliseconds; None is a failure."""
    old: float | None


def judge(pairs: Sequence[Pair], rules: Rules, *, last: bool) -> Canary:
    """Return what the pairs say so far.

    Args:
        pairs: All of them, in any order.
        rules: The size of a block, and which change matters.
        last: Whether no more will come; then what is unclear is inconclusive.
    """
    by_endpoint: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_endpoint.setdefault(pair.endpoint, []).append(pair)
    enough = {name: each for name, each in by_endpoint.items() if _enough(each, rules)}
    looks = math.ceil((rules.most_s - rules.least_s) / rules.look_s) + 1
    chance = ALARM / (3 * max(1, len(by_endpoint)) * looks)
    judged = tuple(
        _endpoint(name, each, rules, chance) for name, each in sorted(enough.items())
    )
    worse = [each for each in judged if each.outcome is Outcome.FAILED]
    unclear = [each for each in judged if each.outcome is Outcome.INCONCLUSIVE]
    if worse:
        outcome, text = Outcome.FAILED, "; ".join(each.text for each in worse)
    elif not judged:
        outcome, text = Outcome.INCONCLUSIVE, _too_few(pairs, rules)
    elif unclear:
        outcome, text = Outcome.INCONCLUSIVE, "; ".join(each.text for each in unclear)
    else:
        outcome = Outcome.PASSED
        text = f"as quick as the old build at {len(judged)} endpoints"
    if outcome is Outcome.INCONCLUSIVE and last:
        text = f"unclear after {rules.most_s:g} s: {text}"
    return Canary(
        outcome=outcome, text=text, endpoints=judged, pairs=len(pairs), new="", old=""
    )


def _enough(pairs: Sequence[Pair], rules: Rules) -> bool:
    blocks = {int(pair.at // rules.block_s) for pair in pairs}
    return len(pairs) >= LEAST_PAIRS and len(blocks) >= LEAST_BLOCKS


def _too_few(pairs: Sequence[Pair], rules: Rules) -> str:
    return (
        f"{len(pairs)} pairs are too few: an endpoint needs {LEAST_PAIRS} of them in "
        f"{LEAST_BLOCKS} blocks of {rules.block_s:g} s; give canary.users more"
    )


def _endpoint(
    name: str, pairs: Sequence[Pair], rules: Rules, chance: float
) -> Endpoint:
    errors = _errors(pairs, chance)
    good = [(each.at, each.new, each.old) for each in pairs if each.new and each.old]
    times = np.asarray(good, dtype=np.float64)
    if len(good) < LEAST_PAIRS:
        outcome = Outcome.FAILED if errors else Outcome.INCONCLUSIVE
        few = f"{name}: only {len(good)} of {len(pairs)} pairs were good on both sides"
        return _made(name, len(pairs), outcome, f"{name}: {errors}" if errors else few)
    mean, deviation, blocks = _blocks(times, rules.block_s)
    slower = _student(blocks, 1 - chance) * deviation
    same = _student(blocks, SAME) * deviation
    tail = _tail(times, chance)
    figures = {
        "change_ratio": math.expm1(mean),
        "low": math.expm1(mean - slower),
        "high": math.expm1(mean + slower),
    }
    matters = math.log1p(rules.effect_ratio)
    said = f"{name}: {_change(figures)}"
    if errors or tail or (mean - slower > 0 and mean > matters / 2):
        said = "; ".join(filter(None, (said, tail, errors)))
        return _made(name, len(pairs), Outcome.FAILED, said, **figures)
    if mean + same < matters:
        return _made(name, len(pairs), Outcome.PASSED, said, **figures)
    return _made(name, len(pairs), Outcome.INCONCLUSIVE, said, **figures)


def _made(
    name: str, pairs: int, outcome: Outcome, text: str, **figures: float
) -> Endpoint:
    return Endpoint(
        name=name,
        pairs=pairs,
        change_ratio=figures.get("change_ratio"),
        low=figures.get("low"),
        high=figures.get("high"),
        outcome=outcome,
        text=text,
    )


def _blocks(times: Any, block_s: float) -> tuple[float, float, int]:
    """Return mean, its standard error and number of the blocks' mean log ratios.

    A block counts by how many pairs it has: the mean is that of all pairs.
    """
    ratios = np.log(times[:, 1] / times[:, 2])
    ratios = np.clip(ratios, *np.percentile(ratios, OUTERMOST))
    block = np.unique((times[:, 0] // block_s).astype(int), return_inverse=True)[1]
    pairs = np.bincount(block)
    mean = float(ratios.mean())
    off = np.bincount(block, ratios - mean)
    count = pairs.size
    error = math.sqrt(count / (count - 1) * float((off**2).sum())) / ratios.size
    return mean, error, count


def _student(blocks: int, confidence: float) -> float:
    return float(special.stdtrit(blocks - 1, confidence))


def _tail(times: Any, chance: float) -> str:
    """Return what is wrong with the slowest answers, or ""."""
    limit_ms = float(np.percentile(times[:, 2], TAIL_PERCENT))
    new = int(((times[:, 1] > limit_ms) & (times[:, 2] <= limit_ms)).sum())
    old = int(((times[:, 2] > limit_ms) & (times[:, 1] <= limit_ms)).sum())
    if new < 2 * old or chance_of_as_many(new, new + old, EVEN) >= chance:
        return ""
    return f"{new} answers over {limit_ms:.1f} ms (the old build's p95), old {old}"


def _errors(pairs: Sequence[Pair], chance: float) -> str:
    """Return what is wrong with failures, or ""."""
    new = sum(each.new is None and each.old is not None for each in pairs)
    old = sum(each.old is None and each.new is not None for each in pairs)
    if chance_of_as_many(new, new + old, EVEN) >= chance:
        return ""
    return f"{new} of {len(pairs)} requests failed at the new build alone, old {old}"


def _change(figures: Mapping[str, float]) -> str:
    ratio = figures["change_ratio"]
    word = "slower" if ratio >= 0 else "faster"
    said = f"{abs(ratio):.1%} {word} ({figures['low']:+.1%} to {figures['high']:+.1%})"
    return said.replace("%", " %")
