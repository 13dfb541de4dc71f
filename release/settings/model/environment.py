"""One environment: where a release goes, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from release.settings.model.load import Canary, Load
from release.settings.model.smoke import Smoke
from release.settings.model.table import Secret, Table
from release.settings.model.values import (
    AccountName,
    BlobUrl,
    ContainerUrl,
    Count,
    DefinitionName,
    GalleryName,
    GroupName,
    Guid,
    HttpsUrl,
    Pause,
    Port,
    Region,
    ScaleSetName,
    Seconds,
    UrlPath,
    UserName,
)


class Rollout(Table):
    """How instances are upgraded."""

    strategy: Literal["batches", "surge"] = Field(
        "batches",
        description="batches upgrades instances in place, drained one batch after the "
        "other; surge lets Azure make new ones and delete the old",
    )
    surge_fallback: Literal["stop", "warn"] = Field(
        "stop",
        description="what happens when Azure, short of quota, upgrades in place "
        "instead of surging: stop rolls back",
    )
    batch_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.34, description="share of the instances upgraded at a time, after the first"
    )
    drain_s: Pause = Field(
        15, description="seconds an instance has to finish what it got, drained"
    )
    drain_command: str = Field(
        "", description="shell command that makes an instance answer 503 to probes"
    )
    health_timeout_s: Seconds = Field(
        900, description="seconds a batch may take to become healthy"
    )


class Preflight(Table):
    """What a preflight lets pass."""

    allow_deletes: list[str] = Field(
        default_factory=list,
        description="what the template's deployment may delete, as patterns such as "
        "*/subnets/old; anything else that it would delete stops the release",
    )


class Retention(Table):
    """How much of what grew old is kept when a release has passed."""

    images: Count = Field(
        5,
        description="image versions kept: the last so many that passed; one that a "
        "scale set refers to, or that passed last anywhere, stays too",
    )
    blob_days: Annotated[float, Field(gt=0)] = Field(
        30, description="days that payloads and logs of bakes are kept at most"
    )
    deployments: Count = Field(
        50,
        description="deployments kept in the history of each resource group, of those "
        "that releases made",
    )
    builds: Count = Field(
        1000,
        description="builds kept in reports/; the last one that passed stays always",
    )
    build_days: Annotated[float, Field(gt=0)] = Field(
        730, description="days that builds are kept in reports/ at most"
    )


class Environment(Table):
    """One named target."""

    cloud: Literal["local", "azure"] = Field(
        description="local is the embedded Azure; azure is the real one"
    )
    azure_cloud: Literal["public", "usgovernment", "china"] = Field(
        "public",
        description="which of Microsoft's clouds azure is",
        json_schema_extra={"variables": ["ARM_ENVIRONMENT"]},
    )
    arm_url: HttpsUrl = Field(
        "",
        description="Azure Resource Manager of any other Azure, which tells the rest; "
        "empty: that of azure_cloud",
    )
    blob_url: BlobUrl = Field(
        "",
        description="address of a storage account with {account} in it; empty: as the "
        "cloud has it",
    )
    ca_file: str = Field(
        "",
        description="certificate authority of such an Azure, PEM, from the folder of "
        "release.toml",
    )
    subscription: Guid = Field(
        "",
        description="subscription id; the embedded Azure has its own",
        json_schema_extra={
            "variables": ["ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"]
        },
    )
    location: Region = Field("westeurope", description="Azure region")
    resource_group: GroupName = Field(
        description="group of the scale set",
        json_schema_extra={"variables": ["DEPLOYMENT_RESOURCE_GROUP"]},
    )
    image_resource_group: GroupName = Field(
        description="group of gallery and storage account",
        json_schema_extra={"variables": ["ARM_RESOURCE_GROUP"]},
    )
    storage_account: AccountName = Field(
        "",
        description="account for payloads; empty: a name derived from subscription "
        "and group",
        json_schema_extra={"variables": ["ARM_STORAGE_ACCOUNT"]},
    )
    scale_set: ScaleSetName = Field(description="name of the scale set")
    instance_size: str = Field(
        "Standard_B2s", description="VM size of an instance", min_length=1
    )
    instance_count: Count = Field(
        2, description="instances at the first deployment; later the live number"
    )
    builder_size: str = Field(
        "Standard_B2s", description="VM size of the builder", min_length=1
    )
    builder_sizes: list[str] = Field(
        default_factory=list,
        description="further sizes, tried in order where that one cannot be had",
    )
    gallery: GalleryName = Field(description="compute gallery")
    image_definition: DefinitionName = Field(
        description="image definition in the gallery"
    )
    site_port: Port = Field(80, description="port of the site on the load balancer")
    service_port: Port = Field(8080, description="port of the service on an instance")
    health_path: UrlPath = Field(
        "/healthz", description="answers 200 and JSON with build and instance"
    )
    allowed_source: str = Field(
        "*", description="addresses that may reach the site (CIDR, or *)"
    )
    disposable: bool = Field(
        default=False, description="whether destructive tests may run here"
    )
    protected: bool = Field(
        default=False,
        description="whether a release needs a clean git tree and --yes-release or CI; "
        "no destructive test runs here",
    )
    admin_username: UserName = Field(
        "azureuser",
        description="administrator of machines",
        json_schema_extra={"variables": ["ADMIN_USERNAME"]},
    )
    admin_password: Secret = Field(
        Secret(""),
        description="their password, from a variable only; empty: an SSH key made anew",
        json_schema_extra={"variables": ["ADMIN_PASSWORD"]},
    )
    archive_to: ContainerUrl = Field(
        "",
        description="container that a team's builds are sent to, such as "
        "https://myaccount.blob.core.windows.net/$web; empty: they stay in reports/",
    )
    notify_url: Secret = Field(
        Secret(""),
        description="webhook that is told how a release ended, from a variable only",
    )
    bake_timeout_s: Seconds = Field(
        3600, description="seconds a bake may take, and image.build"
    )
    deploy_timeout_s: Seconds = Field(
        1800, description="seconds a template deployment may take"
    )
    rollout: Rollout = Field(default=Rollout(), description="see rollout")
    preflight: Preflight = Field(default=Preflight(), description="see preflight")
    canary: Canary = Field(default=Canary(enabled=False), description="see canary")
    smoke: Smoke = Field(default=Smoke(), description="see smoke")
    load: Load = Field(default=Load(), description="see load")

    retention: Retention = Field(default=Retention(), description="see retention")

    @model_validator(mode="after")
    def _canary_needs_batches(self) -> Self:
        if self.canary.enabled and self.rollout.strategy != "batches":
            raise ValueError(
                'a canary needs rollout.strategy = "batches": Azure does not stop '
                "after the first instance of a surge"
            )
        return self
