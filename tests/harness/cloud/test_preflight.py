"""Each thing that would stop a release is named before anything is created."""

from __future__ import annotations

import itertools
import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from release import planning, processes
from release.azure import groups, storage
from release.azure.clients import Azure
from release.azure.ids import group_id, resource_id
from release.azure.lease import Holder, Lease
from release.azure.permissions import Place, lacks
from release.builds import Build
from release.preflight import Finding, Plan, Preflight, Severity, examine
from release.settings import load

TINY = Path(__file__).parents[1] / "releases" / "tiny"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
COUNT = itertools.count(1)
QUESTIONS = ("/validate", "/whatif", "/checknameavailability", "/token")
"""Ends of paths that are asked with POST and change nothing."""
QUOTA = (
    "ask for more quota (portal: Quotas), remove machines that are not needed, or "
    "choose a smaller size in release.toml"
)
SIZES = (
    "set builder_size and instance_size or location in release.toml; to see what "
    "there is: az vm list-skus --location westeurope --resource-type virtualMachines"
)
OTHER = (
    "name another image_definition in release.toml, which the bake makes; what a "
    "definition says of itself cannot be changed"
)


@dataclass
class Site:
    """One environment of its own, that nothing was ever released to."""

    azure: Azure
    plan: Plan

    @property
    def images(self) -> str:
        return group_id(self.azure.subscription, self.plan.env.image_resource_group)

    @property
    def group(self) -> str:
        return group_id(self.azure.subscription, self.plan.env.resource_group)

    def tell(self, page: str, method: str = "PUT", **told: Any) -> dict[str, Any]:
        """Put something to a page of the embedded Azure's own."""
        return dict(ask(self.azure, page, method, told))

    def make(self, identifier: str, body: dict[str, Any]) -> None:
        """Make a resource, and its group where it is missing."""
        groups.ensure(
            self.azure, identifier.split("/")[4], location="westeurope", labels={}
        )
        self.azure.resources.resources.begin_create_or_update_by_id(
            identifier, {"location": "westeurope", **body}, api_version="2024-03-03"
        ).result()

    def define(self, **properties: Any) -> None:
        """Make the gallery with its definition."""
        env = self.plan.env
        gallery = f"{self.images}/providers/Microsoft.Compute/galleries/{env.gallery}"
        self.make(gallery, {"properties": {}})
        told = {
            "osType": "Linux",
            "osState": "Generalized",
            "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"},
            **properties,
        }
        self.make(f"{gallery}/images/{env.image_definition}", {"properties": told})

    def network(self, prefix: str, *names: str) -> str:
        """Make the scale set's network, with further subnets; return its id."""
        made = (
            f"{self.group}/providers/Microsoft.Network/virtualNetworks/"
            f"{self.plan.env.scale_set}-vnet"
        )
        subnets = [
            {"name": "instances", "properties": {"addressPrefix": prefix}},
            *(
                {"name": name, "properties": {"addressPrefix": f"10.80.{n}.0/24"}}
                for n, name in enumerate(names, start=100)
            ),
        ]
        space = {"addressPrefixes": ["10.80.0.0/16"]}
        self.make(made, {"properties": {"addressSpace": space, "subnets": subnets}})
        return made

    def examine(self, **changed: Any) -> Preflight:
        """Look ahead, and see that nothing was changed by it."""
        before = ask(self.azure, "requests", "GET")["count"]
        found = examine(self.azure, replace(self.plan, **changed))
        asked = ask(self.azure, f"requests?since={before}", "GET")["value"]
        wrote = [
            one["path"]
            for one in asked
            if one["method"] not in ("GET", "HEAD")
            and not one["path"].lower().endswith(QUESTIONS)
        ]
        assert wrote == []
        return found


def ask(azure: Azure, page: str, method: str, told: Any = None) -> Any:
    request = urllib.request.Request(
        f"{azure.endpoint.arm_url}/emulator/{page}",
        method=method,
        data=json.dumps(told).encode() if method == "PUT" else None,
        headers={"Content-Type": "application/json"},
    )
    trust = ssl.create_default_context(cafile=azure.endpoint.ca)
    with urllib.request.urlopen(request, context=trust) as answer:
        return json.load(answer)


@pytest.fixture
def site(azure: Azure, tmp_path: Path) -> Iterator[Site]:
    number = next(COUNT)
    settings = load(
        TINY,
        "local",
        options={
            "resource_group": f"ahead-{number}",
            "image_resource_group": f"ahead-images-{number}",
            "storage_account": f"ahead{number}",
        },
        variables={},
    )
    build = Build(id=f"2026.1125.{number}", environment="local", root=tmp_path)
    made = Site(azure, planning.plan(settings, build, azure, None))
    yield made
    made.tell("conditions", "DELETE")


def test_a_builder_with_other_sizes_to_try_stops_nothing(
    azure: Azure, tmp_path: Path
) -> None:
    options = {"builder_size": "Standard_None", "builder_sizes": '["Standard_B2s"]'}
    settings = load(TINY, "local", options=options, variables={})
    build = Build(id="2026.1125.1", environment="local", root=tmp_path)

    assert planning.plan(settings, build, azure, None).builder_size == ""


def stops(what: str, where: str, *, limit: str, actual: str, fix: str) -> Finding:
    return Finding(what=what, where=where, limit=limit, actual=actual, fix=fix)


def test_a_good_environment_is_told_what_will_be_created(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    found = site.examine()
    record_property("preflight_s", round(found.duration_s, 3))
    assert found.findings == ()
    assert found.what_if is not None
    assert found.what_if.summary == "8 to create"
    assert (
        found.what_if.lines()[0] == f"+ resourceGroups/{site.plan.env.resource_group}"
    )
    assert found.what_if.note == (
        "there is no image yet, so the providers have not looked at it"
    )


@pytest.mark.parametrize(
    ("limits", "quota"),
    [
        pytest.param({"cores": 5}, "Total Regional vCPUs", id="cores"),
        pytest.param(
            {"standardBSFamily": 5}, "Standard BS Family vCPUs", id="family-of-cores"
        ),
    ],
)
def test_a_short_quota_of_cores_is_named(
    site: Site, limits: dict[str, int], quota: str
) -> None:
    site.tell("conditions", limits=limits)
    assert site.examine().findings == (
        stops(
            "core quota",
            f"{quota} in westeurope",
            limit="5",
            actual="0 used, 6 more needed (builder 2, instances 4)",
            fix=QUOTA,
        ),
    )


def test_a_short_quota_of_public_addresses_is_named(site: Site) -> None:
    site.tell("conditions", limits={"PublicIPAddresses": 2})
    assert site.examine().findings == (
        stops(
            "public addresses",
            "Public IP Addresses in westeurope",
            limit="2",
            actual="0 used, 3 more needed",
            fix="ask for more quota (portal: Quotas), or delete addresses that are "
            "not needed",
        ),
    )


@pytest.mark.parametrize(
    ("restriction", "limit", "actual"),
    [
        pytest.param(
            {"offered": False},
            "a size of the region",
            "the region does not have it",
            id="not-in-the-region",
        ),
        pytest.param(
            {},
            "unrestricted",
            "restricted: NotAvailableForSubscription",
            id="not-for-the-subscription",
        ),
    ],
)
def test_a_size_that_cannot_be_had_is_named(
    site: Site, restriction: dict[str, Any], limit: str, actual: str
) -> None:
    here = {"size": "Standard_B2s", "location": "westeurope"}
    site.tell("conditions", restrictions=[here | restriction])
    assert site.examine().findings == (
        stops(
            "size",
            "Standard_B2s of builder and instances in westeurope",
            limit=limit,
            actual=actual,
            fix=SIZES,
        ),
    )


def test_a_size_that_a_zone_lacks_is_named(site: Site) -> None:
    here = {"size": "Standard_B2s", "location": "westeurope", "zones": ["2"]}
    site.tell("conditions", restrictions=[here])
    values = {**site.plan.values, "zones": ["1", "2"]}
    assert site.examine(values=values).findings == (
        stops(
            "size",
            "Standard_B2s of builder and instances in westeurope",
            limit="zones 1, 2",
            actual="not to be had in zone 2",
            fix=f"{SIZES} --zone",
        ),
    )


def test_a_subnet_without_room_is_named(site: Site) -> None:
    network = site.network("10.80.0.0/29")
    interface = f"{site.group}/providers/Microsoft.Network/networkInterfaces/other"
    subnet = {"subnet": {"id": f"{network}/subnets/instances"}}
    body = {"ipConfigurations": [{"name": "only", "properties": subnet}]}
    for number in range(2):
        site.make(f"{interface}-{number}", {"properties": body})
    assert site.examine().findings == (
        stops(
            "subnet addresses",
            "virtualNetworks/tiny-vnet/subnets/instances",
            limit="3",
            actual="2 used, 2 more needed",
            fix="make the subnet larger, free addresses in it, or run fewer instances",
        ),
    )


@pytest.fixture
def reader(site: Site) -> Iterator[None]:
    """Let the principal read all, and nothing else."""
    everything = f"/subscriptions/{site.azure.subscription}/providers"
    assignment = (
        f"{everything}/Microsoft.Authorization/roleAssignments/"
        f"00000000-0000-0000-0000-{next(COUNT):012}"
    )
    role = f"Microsoft.Authorization/roleDefinitions/{READER}"
    body = {
        "principalId": site.tell("principal", owner=True)["object_id"],
        "roleDefinitionId": f"{everything}/{role}",
    }
    sdk = site.azure.resources.resources
    sdk.begin_create_or_update_by_id(
        assignment, {"properties": body}, api_version="2022-04-01"
    ).result()
    site.tell("principal", owner=False)
    yield
    site.tell("principal", owner=True)
    sdk.begin_delete_by_id(assignment, api_version="2022-04-01").result()


@pytest.mark.usefixtures("reader")
def test_a_missing_role_is_named_and_what_it_hides(site: Site) -> None:
    lacking = lacks(Place.SITE, [{"actions": ["*/read"]}])
    found = site.examine()
    assert [one.what for one in found.stopping] == ["missing role"] * (len(Place) - 1)
    site_role, hidden = found.findings[2], found.findings[-1]
    assert site_role == stops(
        "missing role",
        f"group of the scale set {site.group}",
        limit="Contributor",
        actual=f"{lacking[0]} and {len(lacking) - 1} more not allowed",
        fix="grant Contributor, or a role of your own as docs/azure.md lists it: "
        'az role assignment create --assignee CLIENT --role "Contributor" '
        f"--scope {site.group}",
    )
    assert (hidden.what, hidden.where) == ("not looked at", "what-if")
    assert "'Microsoft.Resources/deployments/validate/action'" in hidden.actual
    assert len(found.findings) == len(Place)


def test_a_definition_of_another_generation_is_named(site: Site) -> None:
    site.define(hyperVGeneration="V1")
    assert site.examine().findings == (
        stops(
            "generation",
            "definition tiny",
            limit="V1",
            actual="base image Debian:debian-12:12-gen2 is V2",
            fix="mend [base] of the recipe, or name another image_definition in "
            "release.toml",
        ),
    )


@pytest.mark.parametrize(
    ("size", "what", "limit", "actual"),
    [
        pytest.param("Standard_A2_v2", "generation", "V1", "V2", id="generation"),
        pytest.param("Standard_D2ps_v5", "architecture", "Arm64", "x64", id="cpu"),
    ],
)
def test_a_size_that_does_not_boot_the_image_is_named(
    site: Site, size: str, what: str, limit: str, actual: str
) -> None:
    env = site.plan.env.model_copy(update={"instance_size": size})
    assert site.examine(env=env).findings == (
        stops(
            what,
            f"{size} of instances",
            limit=limit,
            actual=f"the definition to be made is {actual}",
            fix="set instance_size in release.toml to a size that boots the image",
        ),
    )


def test_a_definition_for_trusted_launch_is_named(site: Site) -> None:
    site.define(features=[{"name": "SecurityType", "value": "TrustedLaunch"}])
    assert site.examine().findings == (
        stops(
            "security type",
            "definition tiny",
            limit="TrustedLaunch",
            actual="the scale set's instances are Standard",
            fix=f"{OTHER}, or set securityProfile in the template",
        ),
    )


def test_a_definition_that_also_supports_trusted_launch_fits(site: Site) -> None:
    site.define(features=[{"name": "SecurityType", "value": "TrustedLaunchSupported"}])
    assert site.examine().findings == ()


def test_a_definition_of_specialized_images_is_named(site: Site) -> None:
    site.define(osState="Specialized")
    assert site.examine().findings == (
        stops(
            "state",
            "definition tiny",
            limit="Generalized",
            actual="Specialized",
            fix=OTHER,
        ),
    )


def test_a_base_image_that_there_is_not_is_named(site: Site) -> None:
    assert site.plan.base is not None
    base = replace(site.plan.base, sku="11-gen3")
    assert site.examine(base=base).findings == (
        stops(
            "base image",
            "base image Debian:debian-12:11-gen3 in westeurope",
            limit="an image of the marketplace",
            actual="there is none of that name",
            fix="mend [base] of the recipe: az vm image list --all --publisher NAME",
        ),
    )


def test_a_provider_that_is_not_registered_is_named_and_stays_so(site: Site) -> None:
    site.tell("conditions", unregistered=["Microsoft.Storage"])
    found = site.examine()
    assert found.what_if is None
    assert found.findings == (
        stops(
            "resource provider",
            "Microsoft.Storage",
            limit="Registered",
            actual="NotRegistered",
            fix="az provider register --namespace Microsoft.Storage --wait",
        ),
    )


def test_a_template_that_azure_refuses_is_named(site: Site) -> None:
    values = {**site.plan.values, "sitePort": 0}
    found = site.examine(values=values)
    assert found.what_if is None
    assert found.findings == (
        stops(
            "template",
            f"deployment to {site.plan.env.resource_group}",
            limit="accepted by Azure",
            actual=f"validating the subscription/release-{site.plan.build} failed: "
            "InvalidTemplate: Deployment template validation failed: 'The provided "
            "value for the template parameter 'sitePort' is not valid. The value "
            "should be greater than or equal to '1'. Please see "
            "https://aka.ms/arm-create-parameter-file for usage details.'. at "
            "parameters.sitePort in the nested deployment "
            f"'release-{site.plan.build}'",
            fix="mend the template at the place named; nothing was changed",
        ),
    )


def test_a_deletion_is_named_until_it_is_allowed(site: Site) -> None:
    site.network("10.80.0.0/20", "database")
    name = "virtualNetworks/tiny-vnet/subnets/database"
    assert site.examine().findings == (
        stops(
            "deletion",
            name,
            limit="none that preflight.allow_deletes does not name",
            actual="the template does not have it, so its deployment would delete it",
            fix="add it to the template, or allow this: preflight.allow_deletes = "
            f'["{name}"]',
        ),
    )
    allowed = site.plan.env.preflight.model_copy(
        update={"allow_deletes": ["*/subnets/database"]}
    )
    env = site.plan.env.model_copy(update={"preflight": allowed})
    assert site.examine(env=env).findings == ()


def test_a_lock_that_somebody_holds_is_named(site: Site) -> None:
    env, free = site.plan.env, site.azure.unguarded()
    storage.ensure_account(free, env, labels={}, timeout_s=60)
    holder = Holder(
        who="kim at laptop",
        process=processes.this(),
        environment="local",
        build="2026.1125.1",
        since="2026-11-25T10:00:00+00:00",
        lease="00000000-0000-0000-0000-000000000001",
    )
    lease = Lease(free, env, holder)
    assert lease.take() is None
    (found,) = site.examine().findings
    assert replace(found, actual=found.actual.partition(", last heard of")[0]) == stops(
        "release lock",
        "environment local",
        limit="free",
        actual=f"held by kim at laptop: build 2026.1125.1, process "
        f"{holder.process.pid}, since 2026-11-25 10:00:00 UTC",
        fix="wait for that release to end",
    )
    assert site.examine(locked=True).findings == ()
    lease.let_go()
    assert site.examine().findings == ()
    lease.close()


def test_an_account_s_name_that_somebody_has_is_named(site: Site) -> None:
    site.tell("conditions", taken_accounts=[site.plan.account])
    assert site.examine().findings == (
        stops(
            "storage account",
            site.plan.account,
            limit=f"an account in {site.plan.env.image_resource_group}, or a free name",
            actual=f"The storage account named {site.plan.account} is already taken",
            fix="set storage_account in release.toml to another name: names of "
            "storage accounts are unique in all of Azure",
        ),
    )


def test_a_release_that_did_not_finish_is_named_and_stops_nothing(site: Site) -> None:
    found = site.examine(unfinished=["2026.1124.1"], unproved="2026.1124.2")
    assert found.stopping == ()
    assert found.findings == (
        Finding(
            what="previous release",
            where="build 2026.1124.1",
            limit="finished",
            actual="it was killed",
            fix="nothing: the next release first puts right what it left",
            severity=Severity.WARNS,
        ),
        Finding(
            what="previous release",
            where="build 2026.1124.2, which tiny runs",
            limit="passed",
            actual="it never did",
            fix="nothing: a rollback would go back to the last build that passed",
            severity=Severity.WARNS,
        ),
    )


def test_all_findings_are_told_at_once(site: Site) -> None:
    here = {"size": "Standard_B2s", "location": "westeurope"}
    site.tell(
        "conditions",
        limits={"PublicIPAddresses": 0, "cores": 1},
        restrictions=[here],
        taken_accounts=[site.plan.account],
    )
    found = site.examine(unfinished=["2026.1124.1"])
    assert [one.what for one in found.findings] == [
        "size",
        "core quota",
        "public addresses",
        "storage account",
        "previous release",
    ]
    assert found.summary == "4 stops and 1 warning"


def test_a_password_stands_nowhere(site: Site) -> None:
    secret = "Correct-Horse-9"
    values = {**site.plan.values, "adminPassword": secret, "sshPublicKey": ""}
    found = site.examine(values=values)
    assert found.findings == ()
    assert secret not in json.dumps(found.to_json())
    assert secret not in repr(replace(site.plan, values=values))


def test_an_id_of_the_plan_names_the_build(site: Site) -> None:
    assert site.plan.values["imageId"] == resource_id(
        site.azure.subscription,
        site.plan.env.image_resource_group,
        "Microsoft.Compute/galleries/images/versions",
        "tiny",
        "tiny",
        site.plan.build,
    )
