import math
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from release.load.canary import Pair, judge, looks
from release.load.gate import Canary, Outcome
from release.settings.model import Canary as Rules

RULES = Rules()
LAST = len(looks(RULES)) - 1


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
                new=None if failed else new,
                old=old,
            )


def decided(pairs: list[Pair]) -> Canary:
    """Judge look by look, as a release does."""
    for look in range(len(looks(RULES))):
        found = judge(pairs, RULES, look=look)
        if found.outcome is not Outcome.INCONCLUSIVE:
            break
    return found


def test_each_look_is_later_by_half_and_the_last_at_the_end() -> None:
    assert looks(Rules(least_s=8, most_s=40)) == (8, 12, 18, 27, 40)
    assert looks(Rules(least_s=60, most_s=60)) == (60,)


def test_a_slower_endpoint_is_named_with_its_interval() -> None:
    found = judge(pairs(slower=0.3), RULES, look=1)

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
    found = judge(pairs(seconds=60, noise=0.2), RULES, look=LAST)

    assert found.outcome is Outcome.PASSED
    assert found.text == "as quick as the old build at 2 endpoints"
    assert found.pairs == 1200


@pytest.mark.parametrize("stalls", [pytest.param(0.0, id="quiet"), 0.2])
def test_no_false_alarm_in_many_runs_of_the_same(stalls: float) -> None:
    judged = [
        decided(stalled(pairs(seconds=60, seed=seed), stalls, seed))
        for seed in range(60)
    ]

    assert [each.text for each in judged if each.outcome is Outcome.FAILED] == []


def stalled(pairs: list[Pair], ratio: float, seed: int) -> list[Pair]:
    """Let one instance or the other stand still in some blocks, for all who ask."""
    chance = random.Random(seed)  # noqa: S311
    hit = {second: chance.choice(("new", "old")) for second in range(61)}
    late = {second for second in hit if chance.random() < ratio}
    return [
        replace(pair, **{side: (getattr(pair, side) or 0) + 40})
        if int(pair.at) in late and (side := hit[int(pair.at)])
        else pair
        for pair in pairs
    ]


@pytest.mark.parametrize(
    ("slower", "least"),
    [pytest.param(0.2, 29, id="20 %"), pytest.param(0.1, 17, id="10 %")],
)
def test_a_build_that_is_slower_is_found(slower: float, least: int) -> None:
    judged = [
        decided(pairs(slower=slower, seconds=60, seed=seed)) for seed in range(30)
    ]

    assert sum(each.outcome is Outcome.FAILED for each in judged) >= least


def test_a_change_that_is_certain_and_does_not_matter_passes() -> None:
    found = judge(pairs(slower=0.02, seconds=60, noise=0.01), RULES, look=LAST)

    _, ask = found.endpoints
    assert ask.low == pytest.approx(0.02, abs=0.005)
    assert found.outcome is Outcome.PASSED


def test_a_slower_tail_alone_is_found() -> None:
    found = judge(pairs(tail=0.1, seconds=60, noise=0.2), RULES, look=LAST)

    assert found.outcome is Outcome.FAILED
    assert " answers over " in found.text
    assert "(the p95 of both), old " in found.text


def test_errors_of_the_new_build_are_found() -> None:
    found = judge(pairs(failing=0.05), RULES, look=LAST)

    assert found.outcome is Outcome.FAILED
    assert found.text.endswith("requests failed at the new build alone, old 0")


def test_errors_of_a_single_moment_are_no_alarm() -> None:
    failed = [
        replace(pair, new=None) if 10 <= pair.at < 12 else pair
        for pair in pairs(seconds=60)
    ]

    found = judge(failed, RULES, look=LAST)

    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_build_passes_only_when_few_errors_can_be_told() -> None:
    few = judge(pairs(seconds=10, noise=0.05), RULES, look=0)
    more = judge(pairs(seconds=20, noise=0.05), RULES, look=0)

    # None of 100 failed: that may still be 3 %; none of 200, less than 2 %.
    assert few.outcome is Outcome.INCONCLUSIVE
    assert more.outcome is Outcome.PASSED


def test_a_build_that_only_fails_is_found() -> None:
    found = judge(pairs(failing=1), RULES, look=1)

    assert found.outcome is Outcome.FAILED
    assert found.text == (
        "GET /ask: 300 of 300 requests failed at the new build alone, old 0"
    )


def test_too_few_pairs_are_inconclusive() -> None:
    found = judge(pairs(seconds=4), RULES, look=LAST)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text == (
        "unclear after 60 s: 80 pairs are too few: an endpoint needs 50 of them in "
        "5 blocks of 1 s; give canary.users more"
    )


def test_an_endpoint_with_too_few_pairs_is_named() -> None:
    rare = Pair(at=1.0, endpoint="GET /rare", new=1.0, old=1.0)

    found = judge([*pairs(seconds=60, noise=0.2), rare], RULES, look=LAST)

    assert found.text == (
        "as quick as the old build at 2 endpoints; too few pairs at GET /rare"
    )


def test_what_cannot_be_told_is_inconclusive() -> None:
    found = judge(pairs(seconds=6, noise=2), RULES, look=LAST)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text.startswith("unclear after 60 s: GET /: ")


def test_a_canary_travels_as_json() -> None:
    found = judge(pairs(), RULES, look=LAST)

    assert Canary.from_json(found.as_json()) == found
