from pathlib import Path
from typing import Any

import pytest

from release.azure import deployments
from release.azure.clients import Azure, Endpoint
from release.azure.gallery import Image
from release.deploy.deploy import Target, values
from release.deploy.deployed import Deployed
from release.journal import Journal
from release.settings import Environment, Secret

TEMPLATES = ("azuredeploy.json", "builder.json", "gallery.json")
IMAGE = Image(
    id="/image",
    version="1.2.3",
    build="1.2.3",
    digest="d",
    commit="c",
    reused=False,
    baked_at="",
)


class NoCredential:
    """Nothing is asked in these tests."""

    def get_token(self, *_: str, **__: Any) -> Any:
        raise AssertionError("no token is needed to make values")


def _values(
    tmp_path: Path, *, password: str = "", previous: Deployed | None = None
) -> dict[str, Any]:
    env = Environment(
        cloud="azure",
        resource_group="qa",
        image_resource_group="images",
        scale_set="web",
        gallery="web",
        image_definition="web",
        instance_count=3,
        admin_password=Secret(password),
    )
    target = Target(
        environment="qa",
        env=env,
        azure=Azure(Endpoint(subscription="s"), NoCredential()),
        journal=Journal(tmp_path / "journal.jsonl"),
    )
    return values(target, IMAGE, previous=previous)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_is_described(name: str) -> None:
    parameters = deployments.template(name)["parameters"]
    silent = [
        key for key, it in parameters.items() if not it["metadata"]["description"]
    ]
    assert silent == []


def test_values_are_those_that_the_template_asks_for(tmp_path: Path) -> None:
    asked = deployments.template("azuredeploy.json")["parameters"]
    assert set(_values(tmp_path)) == set(asked)


def test_a_first_deployment_has_the_count_of_the_settings(tmp_path: Path) -> None:
    assert _values(tmp_path)["instanceCount"] == 3


def test_a_later_deployment_keeps_live_capacity_and_key(tmp_path: Path) -> None:
    previous = Deployed(
        image_id="/old",
        build="1.2.2",
        capacity=7,
        size="s",
        repairs=True,
        ssh_key="ssh-rsa LIVE",
        site_url="",
        instances=(),
        tags={},
    )
    found = _values(tmp_path, previous=previous)
    assert (found["instanceCount"], found["sshPublicKey"]) == (7, "ssh-rsa LIVE")


def test_a_password_takes_the_place_of_a_key(tmp_path: Path) -> None:
    found = _values(tmp_path, password="Pa55word!Pa55word")
    assert (found["adminPassword"], found["sshPublicKey"]) == ("Pa55word!Pa55word", "")


def test_a_key_is_made_where_there_is_neither(tmp_path: Path) -> None:
    assert _values(tmp_path)["sshPublicKey"].startswith("ssh-rsa ")


def test_repairs_are_off_while_a_release_runs(tmp_path: Path) -> None:
    assert _values(tmp_path)["automaticRepairs"] is False


def test_the_password_is_a_secure_parameter() -> None:
    asked = deployments.template("azuredeploy.json")["parameters"]
    assert asked["adminPassword"]["type"] == "securestring"
