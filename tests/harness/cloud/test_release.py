"""Bake, deploy, upgrade, fail and undo, with machines that really run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from release.azure import gallery
from release.azure.clients import Azure
from release.deploy import (
    Deployed,
    deploy,
    guest,
    observe,
    remove_first,
    roll_back,
    tag_passed,
)
from release.deploy.upgrade import Upgrade
from release.errors import AzureError, BakeFailed, DeployFailed
from release.journal import BATCH, Kind


@pytest.fixture(scope="module")
def live(azure: Azure, releases: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An environment where a first release passed."""
    made = releases(azure, tmp_path_factory.mktemp("live"), "live", 2)
    deployed = made.release()
    tag_passed(made.target, deployed)
    return made


def test_a_first_release_is_proved_by_every_instance(live: Any) -> None:
    seen = live.now
    assert (seen.capacity, len(seen.instances), seen.repairs) == (2, 2, True)
    assert all(it.healthy and it.latest_model for it in seen.instances)
    assert seen.tags["release-verdict"] == "passed"
    assert seen.site_url.endswith(":8080")


def test_an_unchanged_recipe_reuses_its_image(live: Any) -> None:
    image = live.bake(live.build())
    assert image.reused
    assert image.id.lower() == live.now.image_id.lower()


def test_the_output_of_steps_reaches_the_journal(live: Any) -> None:
    assert "installing" in live.said(Kind.OUTPUT, "line")


def test_an_upgrade_loses_no_request(live: Any) -> None:
    with live.visited() as visitor:
        deployed = live.release(extra_txt="another image")
    assert visitor.failed == []
    assert len(visitor.builds) == 2
    assert {it.build for it in deployed.instances} == {deployed.build}
    tag_passed(live.target, deployed)
    assert "release-repairs" not in live.now.tags


def test_autoscale_goes_on_while_a_release_runs(live: Any, meanwhile: Any) -> None:
    """One comes and an old one goes: what is there in the end is proved."""
    before = live.now
    sets = live.azure.compute.virtual_machine_scale_sets
    where = (live.env.resource_group, live.env.scale_set)
    oldest, newest = sorted((it.id for it in before.instances), key=int)

    def scale() -> None:
        sets.begin_scale_out(*where, {"capacity": 1}).result()
        sets.begin_delete_instances(*where, {"instanceIds": [newest]}).result()

    with meanwhile(live.journal, "batch 1 of 2", scale):
        deployed = live.release(extra_txt="scaled meanwhile")
    assert {it.build for it in deployed.instances} == {deployed.build}
    ids = {it.id for it in deployed.instances}
    assert (oldest in ids, newest in ids, len(ids)) == (True, False, 2)
    tag_passed(live.target, deployed)


def test_an_image_bears_no_mark_where_its_scale_set_could_not_be_tagged(
    live: Any, faults: Any
) -> None:
    deployed = live.now
    before = gallery.labels_of(live.azure, deployed.image_id)
    faults(
        {
            "kind": "refused",
            "method": "PATCH",
            "path": "*/virtualMachineScaleSets/live",
            "status": 403,
            "code": "RequestDisallowedByPolicy",
        }
    )
    with pytest.raises(AzureError, match="tagging live failed: RequestDisallowed"):
        tag_passed(live.target, deployed, build="2026.1123.99")
    assert gallery.labels_of(live.azure, deployed.image_id) == before


@pytest.fixture
def mend(live: Any) -> Any:
    """Look for what serves nobody; return what was told of it since."""

    def mended(seen: Deployed, **options: float) -> list[str]:
        known = len(live.said(Kind.PROGRESS, "text"))
        Upgrade(live.target.work("deploy")).mend(seen, **options)
        return live.said(Kind.PROGRESS, "text")[known:]

    return mended


def test_an_instance_that_is_only_out_of_reach_from_here_is_let_be(
    live: Any, mend: Any
) -> None:
    seen = live.now
    nowhere = [replace(each, address="127.0.0.1:9") for each in seen.instances]
    waited, ended = mend(seen.with_instances(tuple(nowhere)), timeout_s=0.3)
    last = "; ".join(
        f"{each.name} (no answer ([Errno 111] Connection refused)), Azure: healthy"
        for each in seen.instances
    )
    assert waited == f"waiting for answers of all instances: {last}"
    assert ended.endswith(f"last seen {last}. What Azure finds well is let be")


def test_instances_that_serve_nobody_are_reimaged_in_batches(
    live: Any, mend: Any
) -> None:
    seen = live.now
    for each in seen.instances:
        script = live.env.rollout.drain_command
        poller = guest.begin(live.azure, live.env, each, script)
        guest.finish(live.azure, each, poller)
    told = [text for text in mend(seen) if text.startswith("reimaging ")]
    assert told == [
        f"reimaging {each.name} (HTTP 503, build {seen.build})"
        for each in seen.instances
    ]
    batches = [e.data for e in live.journal.read() if e.data.get("name") == BATCH]
    assert [each["value"]["batch"] for each in batches[-2:]] == [
        "reimaged 1 of 2",
        "reimaged 2 of 2",
    ]
    assert mend(live.now) == []


def test_a_failing_step_is_named_and_leaves_nothing_behind(live: Any) -> None:
    with pytest.raises(BakeFailed) as caught:
        live.bake(live.build(), install_sh="echo about to fail\nfalse\n")
    assert str(caught.value) == (
        "step 3/4 shell install.sh failed: exit code 1\n"
        "  | about to fail\n"
        "  fix: mend install.sh of the recipe"
    )
    live.wait_for_clean_up()
    assert [name for name in live.groups() if name.startswith("release-")] == []


def test_a_service_that_does_not_start_is_undone(live: Any) -> None:
    before = live.now
    with pytest.raises(DeployFailed) as caught:
        live.impatient.release(
            web_py="import sys\nsys.exit('no database')\n",
            install_sh=live.recipe("install.sh"),
        )
    assert "no database" in caught.value.what
    back = roll_back(live.target, before)
    assert back.image_id == before.image_id
    assert {it.build for it in back.instances} == {before.build}
    assert live.now.repairs


def test_a_first_release_that_fails_leaves_nothing(
    azure: Azure, releases: Any, tmp_path: Path
) -> None:
    first = releases(azure, tmp_path, "first", 1).impatient
    build = first.build()
    image = first.bake(build, web_py="raise SystemExit(1)\n")
    with pytest.raises(DeployFailed):
        deploy(first.target, image, previous=None, build=build)
    remove_first(first.target, build=build)
    assert observe(azure, first.env) is None
    with pytest.raises(ResourceNotFoundError):
        azure.resources.resource_groups.get("first")


def test_a_first_release_that_made_nothing_leaves_nothing_to_remove(
    azure: Azure, releases: Any, tmp_path: Path
) -> None:
    nothing = releases(azure, tmp_path, "nothing", 1)
    remove_first(nothing.target, build="2026.1123.99")
    assert nothing.said(Kind.PROGRESS, "text") == []


def test_a_refused_deployment_names_resource_and_cause(live: Any) -> None:
    image = live.bake(live.build())
    target = replace(
        live.target,
        env=live.env.model_copy(update={"instance_size": "Standard_Nothing"}),
    )
    build = live.build()
    with pytest.raises(AzureError) as caught:
        deploy(target, image, previous=live.now, build=build)
    assert caught.value.what.startswith(
        f"deploying live/release-{build}: Microsoft.Compute/virtualMachineScaleSets "
        "live failed: InvalidParameter: "
    )
