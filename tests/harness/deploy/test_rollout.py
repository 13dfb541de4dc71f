import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.deploy.deployed import Instance
from release.deploy.rollout import Limits, limits, plan


def _instance(
    number: int, *, health: str = "healthy", latest: bool = False
) -> Instance:
    return Instance(
        id=str(number),
        name=f"web{number}",
        latest_model=latest,
        health=health,
        address="",
    )


def _ids(count: int, ratio: float) -> list[list[str]]:
    batches = plan([_instance(n) for n in range(count)], batch_ratio=ratio)
    return [[instance.id for instance in batch] for batch in batches]


@pytest.mark.parametrize(
    ("count", "ratio", "expected"),
    [
        pytest.param(0, 0.34, [], id="none"),
        pytest.param(1, 0.34, [["0"]], id="one"),
        pytest.param(2, 0.34, [["0"], ["1"]], id="two-one-after-the-other"),
        pytest.param(2, 1.0, [["0"], ["1"]], id="two-never-together"),
        pytest.param(3, 0.67, [["0"], ["1", "2"]], id="two-thirds-of-three"),
        pytest.param(3, 0.66, [["0"], ["1"], ["2"]], id="rounded-down"),
        pytest.param(
            10,
            0.34,
            [["0"], ["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]],
            id="a-third-of-ten",
        ),
        pytest.param(3, 0.0001, [["0"], ["1"], ["2"]], id="a-tiny-share"),
    ],
)
def test_batches(count: int, ratio: float, expected: list[list[str]]) -> None:
    assert _ids(count, ratio) == expected


def test_instances_on_the_latest_model_are_left_alone() -> None:
    batches = plan([_instance(0, latest=True), _instance(1)], batch_ratio=1)
    assert [[it.id for it in batch] for batch in batches] == [["1"]]


def test_unhealthy_instances_come_first() -> None:
    instances = [_instance(2), _instance(10, health="unhealthy"), _instance(1)]
    batches = plan(instances, batch_ratio=0.34)
    assert [batch[0].id for batch in batches] == ["10", "1", "2"]


@given(
    st.lists(st.booleans(), max_size=40),
    st.floats(min_value=0.001, max_value=1, allow_nan=False),
)
def test_every_stale_instance_is_upgraded_once(
    latest: list[bool], ratio: float
) -> None:
    instances = [_instance(n, latest=done) for n, done in enumerate(latest)]
    batches = plan(instances, batch_ratio=ratio)
    done = [instance.id for batch in batches for instance in batch]
    stale = [instance.id for instance in instances if not instance.latest_model]
    assert sorted(done) == sorted(stale)
    assert all(len(batch) <= max(1, len(instances) * ratio) for batch in batches)
    assert not batches or len(batches[0]) == 1


def test_a_protected_instance_is_left_alone() -> None:
    kept = replace(_instance(0), protection="scale-set-actions")
    only_from_scale_in = replace(_instance(1), protection="scale-in")
    batches = plan([kept, only_from_scale_in], batch_ratio=1)
    assert [[it.id for it in batch] for batch in batches] == [["1"]]


@pytest.mark.parametrize(
    ("count", "ratio", "unhealthy", "expected"),
    [
        pytest.param(1, 0.34, 0, (1, 100, 100), id="one"),
        pytest.param(2, 0.34, 0, (1, 50, 50), id="two"),
        pytest.param(2, 1.0, 0, (2, 100, 100), id="two-at-once"),
        pytest.param(3, 0.34, 0, (1, 33, 34), id="three"),
        pytest.param(4, 0.34, 0, (1, 25, 25), id="four"),
        pytest.param(5, 0.34, 0, (1, 20, 20), id="five"),
        pytest.param(5, 0.4, 0, (2, 40, 40), id="two-of-five"),
        pytest.param(7, 0.34, 0, (2, 28, 29), id="seven"),
        pytest.param(10, 0.34, 0, (3, 30, 30), id="ten"),
        pytest.param(100, 0.34, 0, (34, 34, 34), id="hundred"),
        pytest.param(100, 0.01, 0, (5, 5, 5), id="azure-takes-no-less-than-5-percent"),
        pytest.param(50, 0.01, 0, (3, 6, 6), id="5-percent-rounded-up"),
        pytest.param(2, 0.34, 1, (1, 50, 100), id="one-of-two-is-sick-already"),
        pytest.param(10, 0.1, 2, (1, 10, 30), id="sick-ones-are-no-hindrance"),
        pytest.param(3, 0.34, 3, (1, 33, 100), id="all-are-sick"),
        pytest.param(0, 0.34, 0, (1, 100, 100), id="none"),
    ],
)
def test_limits_of_a_rolling_upgrade(
    count: int, ratio: float, unhealthy: int, expected: tuple[int, int, int]
) -> None:
    size, batch, bad = expected
    assert limits(count, batch_ratio=ratio, unhealthy=unhealthy) == Limits(
        size=size, batch_percent=batch, unhealthy_percent=bad
    )


@given(
    st.integers(min_value=1, max_value=1000),
    st.floats(min_value=0.001, max_value=1, allow_nan=False),
)
def test_however_azure_rounds_a_batch_is_possible_and_no_larger(
    count: int, ratio: float
) -> None:
    found = limits(count, batch_ratio=ratio)
    share = count * found.batch_percent / 100
    assert max(1, math.floor(share)) <= max(1, math.ceil(share)) <= found.size
    assert 5 <= found.batch_percent <= 100
    # A batch that is out of service does not stop the one after it.
    assert 100 * found.size / count <= found.unhealthy_percent <= 100
