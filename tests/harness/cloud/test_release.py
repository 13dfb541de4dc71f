"""Bake, deploy, upgrade, fail and undo, with machines that really run."""

from __future__ import annotations

import itertools
import shutil
import threading
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError

from release.azure.clients import Azure
from release.bake import Image, bake, read
from release.deploy import (
    Deployed,
    Target,
    deploy,
    observe,
    remove_first,
    roll_back,
    tag_passed,
)
from release.errors import AzureError, BakeFailed, DeployFailed
from release.journal import Journal, Kind
from release.settings import Environment
from release.wait import Seen, wait_until

WEB = Path(__file__).parent / "web"
COUNT = itertools.count(1)


@dataclass
class Releases:
    """One environment, and the builds that go there."""

    azure: Azure
    folder: Path
    name: str
    env: Environment
    journal: Journal

    @property
    def target(self) -> Target:
        return Target(
            environment=self.name,
            env=self.env,
            azure=self.azure,
            journal=self.journal,
        )

    @property
    def impatient(self) -> Releases:
        """The same, for a service that will not get healthy however long one waits."""
        rollout = self.env.rollout.model_copy(update={"health_timeout_s": 1.0})
        return replace(self, env=self.env.model_copy(update={"rollout": rollout}))

    def build(self) -> str:
        return f"2026.1123.{next(COUNT)}"

    def bake(self, build: str, **changed: str) -> Image:
        """Bake the little service with some files' texts replaced."""
        image = self.folder / "image"
        shutil.copytree(WEB, image, dirs_exist_ok=True)
        for name, text in changed.items():
            (image / name.replace("_", ".")).write_text(text)
        return bake(
            read(image),
            build=build,
            commit="c0ffee",
            environment=self.name,
            env=self.env,
            azure=self.azure,
            journal=self.journal,
            folder=self.folder / "cache",
        )

    def release(self, **changed: str) -> Deployed:
        build = self.build()
        previous = observe(self.azure, self.env)
        image = self.bake(build, **changed)
        return deploy(self.target, image, previous=previous, build=build)

    def groups(self) -> list[str]:
        return [it.name or "" for it in self.azure.resources.resource_groups.list()]

    def wait_for_clean_up(self) -> None:
        """Azure deletes groups while the release goes on."""

        def look() -> Seen[bool]:
            left = self.journal.left_behind()
            return Seen(what=", ".join(left), value=None if left else True)

        wait_until("clean-up", look, timeout_s=20, interval_s=0.1, fix="")

    def said(self, kind: Kind, key: str) -> list[str]:
        return [str(e.data[key]) for e in self.journal.read() if e.kind is kind]


def _releases(azure: Azure, folder: Path, name: str, count: int) -> Releases:
    env = Environment.model_validate(
        {
            "cloud": "local",
            "resource_group": name,
            "image_resource_group": "images",
            "scale_set": name,
            "gallery": "web",
            "image_definition": "web",
            "instance_count": count,
            "site_port": 8080,
            "bake_timeout_s": 120.0,
            "deploy_timeout_s": 60.0,
            "rollout": {
                "drain_s": 0.5,
                "drain_command": "touch /run/web/draining",
                "health_timeout_s": 4.0,
            },
        }
    )
    return Releases(
        azure=azure,
        folder=folder,
        name=name,
        env=env,
        journal=Journal(folder / "journal.jsonl"),
    )


@pytest.fixture(scope="module")
def live(azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """An environment where a first release passed."""
    releases = _releases(azure, tmp_path_factory.mktemp("live"), "live", 2)
    deployed = releases.release()
    tag_passed(releases.target, deployed)
    return releases


def _now(releases: Releases) -> Deployed:
    seen = observe(releases.azure, releases.env)
    assert seen is not None
    return seen


def test_a_first_release_is_proved_by_every_instance(live: Releases) -> None:
    seen = _now(live)
    assert (seen.capacity, len(seen.instances), seen.repairs) == (2, 2, True)
    assert all(it.healthy and it.latest_model for it in seen.instances)
    assert seen.tags["release-verdict"] == "passed"
    assert seen.site_url.endswith(":8080")


def test_an_unchanged_recipe_reuses_its_image(live: Releases) -> None:
    image = live.bake(live.build())
    assert image.reused
    assert image.id.lower() == _now(live).image_id.lower()


def test_the_output_of_steps_reaches_the_journal(live: Releases) -> None:
    assert "installing" in live.said(Kind.OUTPUT, "line")


def test_an_upgrade_loses_no_request(live: Releases) -> None:
    url = _now(live).site_url
    failed: list[str] = []
    builds: set[str] = set()
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    builds.add(answer.read().decode().split('"build": "')[1][:20])
            except OSError as error:
                failed.append(str(error))

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        deployed = live.release(extra_txt="another image")
    finally:
        over.set()
        visitor.join()
    assert failed == []
    assert len(builds) == 2
    assert {it.build for it in deployed.instances} == {deployed.build}
    tag_passed(live.target, deployed)
    assert "release-repairs" not in _now(live).tags


def test_a_failing_step_is_named_and_leaves_nothing_behind(live: Releases) -> None:
    with pytest.raises(BakeFailed) as caught:
        live.bake(live.build(), install_sh="echo about to fail\nfalse\n")
    assert str(caught.value) == (
        "step 3/4 shell install.sh failed: exit code 1\n"
        "  | about to fail\n"
        "  fix: mend install.sh of the recipe"
    )
    live.wait_for_clean_up()
    assert [name for name in live.groups() if name.startswith("release-")] == []


def test_a_service_that_does_not_start_is_undone(live: Releases) -> None:
    before = _now(live)
    with pytest.raises(DeployFailed) as caught:
        live.impatient.release(
            web_py="import sys\nsys.exit('no database')\n", install_sh=_install()
        )
    assert "no database" in caught.value.what
    back = roll_back(live.target, before)
    assert back.image_id == before.image_id
    assert {it.build for it in back.instances} == {before.build}
    assert _now(live).repairs


def test_a_first_release_that_fails_leaves_nothing(
    azure: Azure, tmp_path: Path
) -> None:
    releases = _releases(azure, tmp_path, "first", 1).impatient
    build = releases.build()
    image = releases.bake(build, web_py="raise SystemExit(1)\n")
    with pytest.raises(DeployFailed):
        deploy(releases.target, image, previous=None, build=build)
    remove_first(releases.target, build=build)
    assert observe(azure, releases.env) is None
    with pytest.raises(ResourceNotFoundError):
        azure.resources.resource_groups.get("first")


def test_a_refused_deployment_names_resource_and_cause(live: Releases) -> None:
    image = live.bake(live.build())
    target = replace(
        live.target,
        env=live.env.model_copy(update={"instance_size": "Standard_Nothing"}),
    )
    build = live.build()
    with pytest.raises(AzureError) as caught:
        deploy(target, image, previous=_now(live), build=build)
    assert caught.value.what.startswith(
        f"deploying live/release-{build}: Microsoft.Compute/virtualMachineScaleSets "
        "live failed: InvalidParameter: "
    )


def _install() -> str:
    return (WEB / "install.sh").read_text()
