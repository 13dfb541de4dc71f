import pytest

from release.emulator.resources.network.nat_ports import assign


@pytest.mark.parametrize(
    ("kept", "members", "expected"),
    [
        pytest.param({}, [], {}, id="nobody"),
        pytest.param({}, ["a", "b"], {"a": 10, "b": 11}, id="in-order"),
        pytest.param({"b": 10}, ["a", "b"], {"a": 11, "b": 10}, id="kept"),
        pytest.param({"a": 10, "b": 11}, ["b", "c"], {"b": 11, "c": 10}, id="freed"),
        pytest.param({"a": 99}, ["a"], {"a": 10}, id="out-of-a-new-range"),
        pytest.param({}, list("abcd"), {"a": 10, "b": 11, "c": 12}, id="too-many"),
    ],
)
def test_each_member_has_a_port_that_it_keeps(kept, members, expected) -> None:
    assert assign(kept, members, 10, 12) == expected
