"""A scale set whose instances Azure replaces, driven by the harness for real."""

from __future__ import annotations

from typing import Any

import pytest

from release.azure.clients import Azure
from release.deploy import tag_passed


@pytest.fixture(scope="module")
def surging(
    azure: Azure, releases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """An environment whose instances a surge has replaced once."""
    folder = tmp_path_factory.mktemp("surge")
    made = releases(azure, folder, "surge", 2, strategy="surge")
    tag_passed(made.target, made.release())
    return made


def test_a_surge_replaces_every_instance_and_no_visitor_notices(surging: Any) -> None:
    before = surging.now
    with surging.visited() as visitor:
        deployed = surging.release(extra_txt="another image")
    assert visitor.failed == []
    assert visitor.builds == {before.build, deployed.build}
    ids = {instance.id for instance in deployed.instances}
    assert ids.isdisjoint(instance.id for instance in before.instances)
    assert {instance.build for instance in deployed.instances} == {deployed.build}
    tag_passed(surging.target, deployed)
    assert (surging.now.mode, surging.now.repairs, surging.now.capacity) == (
        "Manual",
        True,
        2,
    )
