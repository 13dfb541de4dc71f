import math
import random
from collections.abc import Iterator

import pytest

from release.load.canary import Pair, judge
from release.load.gate import Canary, Outcome
from release.settings.model import Canary as Rules

RULES = Rules()


def pairs(
    *,
    slower: float = 0.0,
    failing: float = 0.0,
    tail: float = 0.0,
    seconds: int = 30,
    seed: int = 1,
    noise: float = 0.4,
) -> list[Pair]:
    """Return pairs of two endpoints, ten a second, one of which may be worse."""
    return list(_pairs(slower, failing, tail, seconds, random.Random(seed), noise))  # noqa: S311


def _pairs(  # noqa: PLR0917 - called above only
    slower: float,
    failing: float,
    tail: float,
    seconds: int,
    chance: random.Random,
    noise: float,
) -> Iterator[Pair]:
    for number in range(seconds * 10):
        at = number / 10
        # What the machine does at a moment, it does to both.
        moment = math.exp(0.3 * math.sin(at / 3))
        for endpoint in ("GET /", "GET /ask"):
            new, old = (10 * moment * chance.lognormvariate(0, noise) for _ in range(2))
            if endpoint == "GET /ask":
                new *= 1 + slower + (9 if chance.random() < tail else 0)
            failed = endpoint == "GET /ask" and chance.random() < failing
            yield Pair(
                at=at,
                endpoint=endpoint,
                first=chance.choice(("new", "old")),
                new=None if failed else new,
                old=old,
            )


def test_a_slower_endpoint_is_named_with_its_interval() -> None:
    found = judge(pairs(slower=0.3), RULES, last=False)

    assert found.outcome is Outcome.FAILED
    other, ask = found.endpoints
    assert (other.name, other.outcome) == ("GET /", Outcome.PASSED)
    assert ask.change_ratio == pytest.approx(0.3, abs=0.1)
    assert ask.low is not None
    assert 0 < ask.low < 0.3 < (ask.high or 0)
    assert found.text == ask.text
    assert found.text.startswith("GET /ask: ")
    assert " % slower (+" in found.text


def test_the_same_build_passes() -> None:
    found = judge(pairs(seconds=60), RULES, last=True)

    assert found.outcome is Outcome.PASSED
    assert found.text == "as quick as the old build at 2 endpoints"
    assert found.pairs == 1200


def test_few_false_alarms_in_many_runs_of_the_same() -> None:
    judged = [judge(pairs(seed=seed), RULES, last=True) for seed in range(60)]

    assert sum(each.outcome is Outcome.FAILED for each in judged) <= 1


@pytest.mark.parametrize(
    ("slower", "least"),
    [pytest.param(0.2, 29, id="20 %"), pytest.param(0.1, 24, id="10 %")],
)
def test_a_build_that_is_slower_is_found(slower: float, least: int) -> None:
    judged = [
        judge(pairs(slower=slower, seconds=60, seed=seed), RULES, last=True)
        for seed in range(30)
    ]

    assert sum(each.outcome is Outcome.FAILED for each in judged) >= least


def test_a_slower_tail_alone_is_found() -> None:
    found = judge(pairs(tail=0.1, seconds=60, noise=0.2), RULES, last=True)

    assert found.outcome is Outcome.FAILED
    assert " answers over " in found.text
    assert "(the old build's p95), old " in found.text


def test_errors_of_the_new_build_are_found() -> None:
    found = judge(pairs(failing=0.05), RULES, last=True)

    assert found.outcome is Outcome.FAILED
    assert found.text.endswith("requests failed at the new build alone, old 0")


def test_a_build_that_only_fails_is_found() -> None:
    found = judge(pairs(failing=1), RULES, last=False)

    assert found.outcome is Outcome.FAILED
    assert found.text == (
        "GET /ask: 300 of 300 requests failed at the new build alone, old 0"
    )


def test_too_few_pairs_are_inconclusive() -> None:
    found = judge(pairs(seconds=4), RULES, last=True)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text == (
        "unclear after 60 s: 80 pairs are too few: an endpoint needs 50 of them in "
        "5 blocks of 1 s; give canary.users more"
    )


def test_what_cannot_be_told_is_inconclusive() -> None:
    found = judge(pairs(seconds=6, noise=2), RULES, last=True)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text.startswith("unclear after 60 s: GET /: ")


def test_a_canary_travels_as_json() -> None:
    found = judge(pairs(), RULES, last=True)

    assert Canary.from_json(found.as_json()) == found
