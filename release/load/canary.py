"""Pure: whether a new instance answers worse than an old one beside it.

Both got the same requests, one right after the other, so that what the machine and the
network did to one they did to the other. For each endpoint:

- **Times.** The ratio of each pair, as a logarithm, and of all of them the middle:
  Huber's estimate, which a stall moves as little as any other slow answer. What is left
  of chance is told by blocks of time, since requests of one moment are not independent:
  an instance that is kept waiting answers all of them late. Student's interval over
  the blocks.
- **Slowest.** How many pairs have only their new, or only their old answer beyond the
  p95 of both, again by blocks: a build may be slower in its tail alone.
- **Errors.** In how many blocks more pairs failed at the new or at the old instance
  alone (a sign test).

Two instances of one build differ by some percent as long as they live, whatever is
sent to them. So a change that is certain must also be `MATTERS` of the one that the
settings name, or nobody is told.

It is looked at more than once and at several endpoints. The chance of a false alarm is
shared out among all of these (Bonferroni), so that it is at most `ALARM` in all; a look
gets the share of the time that has passed since the one before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from release.load.gate import Canary, Endpoint, Outcome
from release.load.proportions import chance_of_as_many, most_ratio
from release.settings.model import Canary as Rules

ALARM = 0.02
TESTS = 3
"""Of each endpoint: times, slowest, errors."""
SAME = 0.975
"""How sure it must be that a change is smaller than one that matters."""
FEW_ERRORS = 0.95
"""How sure that fewer fail than matter."""
MATTERS = 0.8
"""Share of the change that matters which a certain one must reach to be an alarm."""
GROWTH = 1.5
"""How much later than the look before each look is."""
LEAST_BLOCKS = 5
LEAST_PAIRS = 50
TAIL_PERCENT = 95
MIDDLE = 0.5
"""Standard deviations from the middle beyond which a pair counts by its side alone."""
NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution in median absolute deviations."""
STEPS = 20
EVEN = 0.5
"""The chance of either side where there is no difference."""

Column = Any
"""A numpy array; numpy's own types say too much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One request, as both instances answered it."""

    at: float
    """Seconds since measuring began."""
    endpoint: str
    new: float | None
    """Milliseconds; None is a failure."""
    old: float | None


def looks(rules: Rules) -> tuple[float, ...]:
    """Return the seconds after which pairs are judged, the last one included."""
    found = [min(rules.least_s, rules.most_s)]
    while found[-1] < rules.most_s:
        found.append(min(found[-1] * GROWTH, rules.most_s))
    return tuple(found)


def judge(pairs: Sequence[Pair], rules: Rules, *, look: int) -> Canary:
    """Return what the pairs say so far.

    Args:
        pairs: In any order; those after the look are left out.
        rules: The size of a block, and which change matters.
        look: Which of `looks` it is, from 0; after the last one, what is unclear is
            inconclusive.
    """
    at = (0.0, *looks(rules))
    pairs = [pair for pair in pairs if pair.at <= at[look + 1]]
    by_endpoint: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_endpoint.setdefault(pair.endpoint, []).append(pair)
    enough = {name: each for name, each in by_endpoint.items() if _enough(each, rules)}
    share = (at[look + 1] - at[look]) / at[-1]
    chance = ALARM * share / (TESTS * max(1, len(by_endpoint)))
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
        number = f"{len(judged)} endpoint" + "s" * (len(judged) > 1)
        text = f"as quick as the old build at {number}"
        if len(judged) < len(by_endpoint):
            text += (
                f"; too few pairs at {', '.join(sorted(by_endpoint - enough.keys()))}"
            )
    if outcome is Outcome.INCONCLUSIVE and look + 2 == len(at):
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
    errors, few_errors = _errors(pairs, rules, chance)
    good = [(each.at, each.new, each.old) for each in pairs if each.new and each.old]
    if len(good) < LEAST_PAIRS:
        outcome = Outcome.FAILED if errors else Outcome.INCONCLUSIVE
        few = f"{name}: only {len(good)} of {len(pairs)} pairs were good on both sides"
        return _made(name, len(pairs), outcome, f"{name}: {errors}" if errors else few)
    at, new, old = np.asarray(good, dtype=np.float64).T
    block = np.unique(at // rules.block_s, return_inverse=True)[1]
    middle, error = _middle(np.log(new / old), block)
    slower = _student(block, 1 - chance) * error
    same = _student(block, SAME) * error
    tail = _tail(new, old, block, chance)
    figures = {
        "change_ratio": math.expm1(middle),
        "low": math.expm1(middle - slower),
        "high": math.expm1(middle + slower),
    }
    matters = math.log1p(rules.effect_ratio)
    said = f"{name}: {_change(figures)}"
    if errors or tail or (middle > slower and middle > MATTERS * matters):
        said = "; ".join(filter(None, (said, tail, errors)))
        return _made(name, len(pairs), Outcome.FAILED, said, **figures)
    if middle + same < matters and few_errors:
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


def _middle(ratios: Column, block: Column) -> tuple[float, float]:
    """Return Huber's estimate of where the log ratios lie, and its standard error."""
    middle = float(np.median(ratios))
    spread = NORMAL_MAD * float(np.median(np.abs(ratios - middle)))
    reach = MIDDLE * spread or 1.0
    for _ in range(STEPS):
        pull = np.clip(ratios - middle, -reach, reach)
        inside = float((np.abs(ratios - middle) <= reach).mean())
        middle += float(pull.mean()) / inside
    return middle, _deviation(pull, block) / (ratios.size * inside)


def _deviation(values: Column, block: Column) -> float:
    """Return the standard deviation of a sum whose blocks alone are independent."""
    off = np.bincount(block, values - values.mean())
    return math.sqrt(off.size / (off.size - 1) * float((off**2).sum()))


def _student(block: Column, confidence: float) -> float:
    return float(special.stdtrit(block.max(), confidence))


def _tail(new: Column, old: Column, block: Column, chance: float) -> str:
    """Return what is wrong with the slowest answers, or ""."""
    limit_ms = float(np.percentile(np.concatenate([new, old]), TAIL_PERCENT))
    only = (new > limit_ms).astype(float) - (old > limit_ms)
    more, less = int((only > 0).sum()), int((only < 0).sum())
    least = _student(block, 1 - chance) * _deviation(only, block)
    if (
        more < 2 * less
        or more - less <= least
        or chance_of_as_many(more, more + less, EVEN) >= chance
    ):
        return ""
    return f"{more} answers over {limit_ms:.1f} ms (the p95 of both), old {less}"


def _errors(pairs: Sequence[Pair], rules: Rules, chance: float) -> tuple[str, bool]:
    """Return what is wrong with failures, or "", and whether so few cannot matter."""
    only = np.array([(each.new is None) - (each.old is None) for each in pairs])
    more, less = int((only > 0).sum()), int((only < 0).sum())
    few = most_ratio(
        more, len(pairs), confidence=FEW_ERRORS
    ) < rules.error_ratio + less / len(pairs)
    at = np.array([each.at for each in pairs]) // rules.block_s
    by_block = np.bincount(np.unique(at, return_inverse=True)[1], only)
    worse, better = int((by_block > 0).sum()), int((by_block < 0).sum())
    # One moment that was bad for all of them is no more than one.
    if (
        chance_of_as_many(more, more + less, EVEN) >= chance
        or chance_of_as_many(worse, worse + better, EVEN) >= 1 - FEW_ERRORS
    ):
        return "", few
    said = f"{more} of {len(pairs)} requests failed at the new build alone, old {less}"
    return said, few


def _change(figures: Mapping[str, float]) -> str:
    ratio = figures["change_ratio"]
    word = "slower" if ratio >= 0 else "faster"
    said = f"{abs(ratio):.1%} {word} ({figures['low']:+.1%} to {figures['high']:+.1%})"
    return said.replace("%", " %")
