import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.deploy.deployed import Instance
from release.deploy.rollout import plan


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
