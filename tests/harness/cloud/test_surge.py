"""A scale set whose instances Azure replaces, driven by the harness for real."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from release.azure.clients import Azure
from release.deploy import deploy, roll_back, settle, tag_passed
from release.deploy.surge import InPlace
from release.errors import DeployFailed
from release.journal import Journal, Kind
from release.wait import Seen, wait_until

BROKEN = "import sys\nsys.exit('no database')\n"


@pytest.fixture(scope="module")
def surging(
    azure: Azure, releases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """An environment that a first release passed in, and whose strategy is surge."""
    folder = tmp_path_factory.mktemp("surge")
    made = releases(azure, folder, "surge", 2, strategy="surge")
    tag_passed(made.target, made.release())
    return made


@pytest.fixture
def no_quota(azure: Azure) -> Iterator[Any]:
    """Let the subscription have no further core, from a call of this on."""
    yield lambda: tell(azure, "conditions", {"limits": {"cores": 0}})
    tell(azure, "conditions", {"limits": {}})


@pytest.fixture
def never_healthy(azure: Azure) -> Iterator[Any]:
    """Let an instance of a number never get healthy, from a call of this on."""
    yield lambda number: tell(
        azure,
        "faults",
        {"faults": [{"kind": "unhealthy", "path": f"*/virtualMachines/{number}"}]},
    )
    tell(azure, "faults", {"faults": []})


def tell(azure: Azure, what: str, told: dict[str, Any]) -> None:
    """Tell the embedded Azure how it is to be."""
    request = urllib.request.Request(
        f"{azure.endpoint.arm_url}/emulator/{what}",
        method="PUT",
        data=json.dumps(told).encode(),
        headers={"Content-Type": "application/json"},
    )
    trust = ssl.create_default_context(cafile=azure.endpoint.ca)
    urllib.request.urlopen(request, context=trust).close()


class Heeded(Journal):
    """A journal that acts when it is told a text, before its writer goes on.

    A thread that watched for the text could come too late.
    """

    def __init__(self, path: Path, *, heeds: str, act: Callable[[], None]) -> None:
        super().__init__(path)
        self._heeds = heeds
        self._act = act
        self.acted = False

    def write(self, kind: Kind, *, stage: str = "", **data: Any) -> None:
        super().write(kind, stage=stage, **data)
        if not self.acted and str(data.get("text", "")).startswith(self._heeds):
            self.acted = True
            self._act()


def ids(seen: Any) -> set[str]:
    return {instance.id for instance in seen.instances}


def builds(seen: Any) -> set[str]:
    return {instance.build for instance in seen.instances}


@pytest.mark.matrix
def test_a_surge_replaces_every_instance_and_no_visitor_notices(surging: Any) -> None:
    before = surging.now
    with surging.visited() as visitor:
        deployed = surging.release(extra_txt="another image")
    assert visitor.failed == []
    assert visitor.builds == {before.build, deployed.build}
    assert ids(deployed).isdisjoint(ids(before))
    assert builds(deployed) == {deployed.build}
    tag_passed(surging.target, deployed)
    after = surging.now
    assert (after.mode, after.repairs, after.capacity) == ("Manual", True, 2)


def test_short_of_quota_a_surge_ends_and_batches_undo_it(
    surging: Any, no_quota: Any, tmp_path: Path
) -> None:
    before = surging.now
    short = replace(surging, journal=Journal(tmp_path / "journal.jsonl"))
    build = short.build()
    image = short.bake(build, extra_txt="short of quota")
    no_quota()
    with pytest.raises(InPlace) as caught:
        deploy(short.target, image, previous=before, build=build)
    names = " of surge got upgraded in place, undrained: Azure found no quota for new "
    assert names in caught.value.what
    assert caught.value.fix == (
        "ask for more cores of Standard_B2s in westeurope, or set rollout.strategy = "
        '"batches", or rollout.surge_fallback = "warn"'
    )
    settle(short.target, build=build)
    back = roll_back(short.target, before)
    assert (builds(back), ids(back)) == ({before.build}, ids(before))
    assert "batch 1 of " in "\n".join(short.said(Kind.PROGRESS, "text"))
    assert surging.now.mode == "Manual"


@pytest.mark.matrix
def test_a_surge_of_a_broken_service_touches_no_old_instance(surging: Any) -> None:
    before = surging.now
    with (
        surging.visited() as visitor,
        pytest.raises(DeployFailed) as caught,
    ):
        surging.release(web_py=BROKEN, install_sh=surging.recipe("install.sh"))
    assert caught.value.what.startswith(
        "the rolling upgrade of surge was faulted with 0 upgraded, "
    )
    assert "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade" in (
        caught.value.what
    )
    assert "no database" in caught.value.what
    assert visitor.failed == []
    back = roll_back(surging.target, before)
    assert (builds(back), ids(back)) == ({before.build}, ids(before))
    assert surging.now.mode == "Manual"


@pytest.mark.matrix
def test_a_warned_fall_back_goes_on_in_place(
    surging: Any, no_quota: Any, tmp_path: Path
) -> None:
    before = surging.now
    journal = Journal(tmp_path / "journal.jsonl")
    warned = replace(surging.rolling_out(surge_fallback="warn"), journal=journal)
    build = warned.build()
    image = warned.bake(build, extra_txt="warned")
    no_quota()
    deployed = deploy(warned.target, image, previous=before, build=build)
    assert (builds(deployed), ids(deployed)) == ({build}, ids(before))
    said = warned.said(Kind.PROGRESS, "text")
    assert any(text.startswith("warning: surge0000") for text in said)
    tag_passed(warned.target, deployed)


@pytest.mark.matrix
def test_autoscale_goes_on_while_a_surge_runs(surging: Any, tmp_path: Path) -> None:
    sets = surging.azure.compute.virtual_machine_scale_sets
    where = (surging.env.resource_group, surging.env.scale_set)
    begun: list[Any] = []
    journal = Heeded(
        tmp_path / "journal.jsonl",
        heeds="surge: 2 instances",
        act=lambda: begun.append(sets.begin_scale_out(*where, {"capacity": 1})),
    )
    deployed = replace(surging, journal=journal).release(
        extra_txt="scaled out in a surge"
    )
    (scaling,) = begun
    scaling.result()
    assert builds(deployed) == {deployed.build}
    assert len(deployed.instances) == deployed.capacity == 3
    tag_passed(surging.target, deployed)
    sets.begin_update(*where, {"sku": {"name": "Standard_B2s", "capacity": 2}}).result()


@pytest.mark.matrix
def test_a_strategy_changes_between_releases(surging: Any) -> None:
    before = surging.now
    with surging.visited() as visitor:
        batches = surging.rolling_out(strategy="batches").release(extra_txt="batches")
        tag_passed(surging.target, batches)
        told = surging.now.noticed
        surge = surging.release(extra_txt="surge again")
        tag_passed(surging.target, surge)
    assert visitor.failed == []
    assert visitor.builds == {before.build, batches.build, surge.build}
    assert (told, surging.now.noticed) == (False, True)
    assert ids(before) == ids(batches)
    assert ids(surge).isdisjoint(ids(batches))


@pytest.mark.matrix
def test_a_cancelled_surge_ends_the_release_and_is_undone(
    surging: Any, never_healthy: Any, tmp_path: Path
) -> None:
    before = surging.now
    instances = surging.azure.compute.virtual_machine_scale_set_vms
    upgrades = surging.azure.compute.virtual_machine_scale_set_rolling_upgrades
    where = (surging.env.resource_group, surging.env.scale_set)

    def new() -> Seen[int]:
        there = {each.instance_id for each in instances.list(*where)}
        number = next((int(each) for each in there - ids(before)), None)
        return Seen(what="none", value=number)

    def upgraded() -> Seen[bool]:
        progress = upgrades.get_latest(*where).properties.progress
        count = progress.successful_instance_count
        return Seen(what=f"{count} upgraded", value=count == 1 or None)

    def cancel() -> None:
        """Cancel between the two, however long that takes to ask for."""
        first = wait_until("first", new, timeout_s=30, interval_s=0.02, fix="")
        never_healthy(first + 1)
        wait_until("one", upgraded, timeout_s=30, interval_s=0.02, fix="")
        upgrades.begin_cancel(*where).result()

    journal = Heeded(
        tmp_path / "journal.jsonl", heeds="rolling upgrade: under way", act=cancel
    )
    cancelled = replace(surging, journal=journal)
    with pytest.raises(DeployFailed) as caught:
        cancelled.release(extra_txt="cancelled")
    assert caught.value.what.startswith("the rolling upgrade of surge was cancelled ")
    assert caught.value.fix == (
        "see in the activity log who did it, then release again"
    )
    mixed = surging.now
    assert {it.latest_model for it in mixed.instances} == {True, False}
    with surging.visited() as visitor:
        back = roll_back(cancelled.target, before)
    assert builds(back) == {before.build}
    assert visitor.failed == []
    told = cancelled.said(Kind.PROGRESS, "text")
    assert "surge: 1 instances, 1 at a time are replaced" in told


@pytest.mark.matrix
def test_a_lone_instance_serves_until_the_new_one_does(
    azure: Azure, releases: Any, tmp_path: Path
) -> None:
    alone = releases(azure, tmp_path, "alone", 1, strategy="surge")
    tag_passed(alone.target, alone.release())
    with alone.visited() as visitor:
        deployed = alone.release(extra_txt="alone")
    assert visitor.failed == []
    assert len(deployed.instances) == 1
