"""A whole release as on Azure: by address, with an ID token, and no right too many."""

from __future__ import annotations

import pytest

from release import environments
from release.azure.permissions import ACTIONS, DATA_ACTIONS, Place
from release.settings import load
from tests.harness.entra import Principal, issuing

pytestmark = pytest.mark.matrix
GROUPS = {Place.IMAGES: "tiny-oidc-images", Place.SITE: "tiny-oidc"}


@pytest.fixture
def owner(fresh_project):
    settings = load(fresh_project.root, "local", options={}, variables={})
    azure = environments.connect(settings)
    yield azure
    azure.close()


def scope_of(azure, place):
    """Where a role of docs/azure.md is granted: the account is not there yet."""
    group = GROUPS.get(Place.IMAGES if place is Place.ACCOUNT else place)
    subscription = f"/subscriptions/{azure.subscription}"
    return f"{subscription}/resourceGroups/{group}" if group else subscription


@pytest.fixture
def least(owner):
    """A principal that may do what docs/azure.md lists, and nothing else."""
    principal = Principal(owner)
    for group in GROUPS.values():
        owner.resources.resource_groups.create_or_update(
            group, {"location": "westeurope"}
        )
    places = [place for place in Place if place is not Place.SOURCE]
    for place in places:
        principal.define(place, ACTIONS[place], DATA_ACTIONS.get(place, ()))
    principal.has(*((place, scope_of(owner, place)) for place in places))
    return principal


@pytest.fixture
def variables(fresh_project):
    """What a GitHub job has, for an Azure that is given by its address."""
    embedded = fresh_project.embedded()
    toml = fresh_project.root / "release.toml"
    before = toml.read_text()
    local = before.partition("[env.local]")[2].partition("# Another")[0]
    by_address = f"[env.local]{local}".replace("env.local", "env.oidc")
    for old, new in (
        ('cloud = "local"', 'cloud = "azure"'),
        ('"tiny-local"', f'"{GROUPS[Place.SITE]}"'),
        ('"tiny-images"', f'"{GROUPS[Place.IMAGES]}"'),
        ('scale_set = "tiny"', 'scale_set = "tiny-oidc"'),
    ):
        assert old in by_address
        by_address = by_address.replace(old, new)
    toml.write_text(before + "\n" + by_address)
    return {
        "RELEASE_ARM_URL": embedded.arm_url,
        "RELEASE_BLOB_URL": embedded.blob_url + "/{account}",
        "RELEASE_CA_FILE": str(embedded.ca),
        "ARM_SUBSCRIPTION_ID": embedded.subscription,
        "ARM_TENANT_ID": embedded.tenant,
        "ARM_CLIENT_ID": embedded.client_id,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
    }


def test_a_release_outlives_its_assertions_with_the_rights_that_are_listed(
    fresh_project, least, variables
):
    project = fresh_project
    with issuing() as issuer:
        # Both live seconds here, so that a short release meets what a long one does.
        issuer.lasts_s = 2
        least.put(**issuer.trusted(), owner=False, token_lifetime_s=5)
        ended = project.pytest(
            to="oidc", **variables, ACTIONS_ID_TOKEN_REQUEST_URL=f"{issuer.url}/token"
        )
    assert ended.status == 0, ended.output
    assert len(issuer.asked) > ended.took_s / 10
    (record,) = project.records("oidc")
    assert record["verdict"] == "passed"
    assert record["image"]["reused"] is False
    said = [line["text"] for line in record["progress"]]
    assert [text for text in said if "Authorization" in text] == []
    least.put()
    project.nothing_is_left()
