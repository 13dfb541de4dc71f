"""What settings there are, as pydantic models: types, ranges, defaults, help.

Each field's description is its documentation; the settings table of the README
is made from it. A field's ``variables`` are the process variables that teams
have today; `release.settings.catalogue` adds a ``RELEASE_...`` one to each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

PERCENTILE = re.compile(r"p(?P<whole>\d{1,2})(_(?P<tenths>\d+))?_ms")


class Secret(SecretStr):
    """Text that every rendering shows as ``***``."""

    def _display(self) -> str:
        return "***" if self.get_secret_value() else ""

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"


def _matches(pattern: str, rule: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {rule}")
        return value

    return check


def _threshold_name(name: str) -> str:
    if not PERCENTILE.fullmatch(name):
        raise ValueError("no such threshold")
    return name


Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Pause = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(gt=0)]
Milliseconds = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=1, le=65535)]

# The rules for names are those of Azure's "Naming rules and restrictions for
# Azure resources"; a wrong one would otherwise fail minutes into a release.
Guid = Annotated[
    str,
    AfterValidator(
        _matches(
            r"([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?",
            "an id such as 22222222-2222-2222-2222-222222222222",
        )
    ),
]
GroupName = Annotated[
    str,
    AfterValidator(
        _matches(
            r"[\w().-]{0,89}[\w()-]",
            "1 to 90 letters, digits and any of _ - . ( ), not ending in a dot",
        )
    ),
]
AccountName = Annotated[
    str,
    AfterValidator(
        _matches(r"([a-z0-9]{3,24})?", "3 to 24 lower-case letters and digits")
    ),
]
GalleryName = Annotated[
    str,
    AfterValidator(
        _matches(
            r"[A-Za-z0-9]([A-Za-z0-9_.]{0,78}[A-Za-z0-9])?",
            "1 to 80 letters, digits, dots and underscores (no hyphens), "
            "a letter or digit at both ends",
        )
    ),
]
DefinitionName = Annotated[
    str,
    AfterValidator(
        _matches(
            r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9])?",
            "1 to 80 letters, digits and any of _ - ., a letter or digit at both ends",
        )
    ),
]
# Narrower than Azure's rule: the name is the prefix of the host names too.
ScaleSetName = Annotated[
    str,
    AfterValidator(
        _matches(
            r"[A-Za-z0-9]([A-Za-z0-9-]{0,52}[A-Za-z0-9])?",
            "1 to 54 letters, digits and hyphens, a letter or digit at both ends",
        )
    ),
]
UserName = Annotated[
    str,
    AfterValidator(
        _matches(
            r"(?!(?:admin|administrator|root|guest|test|user|console|sys)$)"
            r"[a-z_][a-z0-9_-]{0,31}",
            "1 to 32 of a-z 0-9 _ -, starting with a letter, and none of the "
            "names that Azure refuses (admin, root, test, user, ...)",
        )
    ),
]
HttpsUrl = Annotated[
    str,
    AfterValidator(
        _matches(
            r"(https://[^/\s?#]+/?)?", "an address such as https://arm.example.net"
        )
    ),
]
BlobUrl = Annotated[
    str,
    AfterValidator(
        _matches(
            r"(https://[^\s?#]*\{account\}[^\s?#]*)?",
            "an address such as https://{account}.blob.example.net",
        )
    ),
]
UrlPath = Annotated[str, AfterValidator(_matches(r"/\S*", "a path that starts with /"))]


def _variable(description: str, *variables: str) -> Any:
    """Return a field that variables alone set."""
    return Field(
        "", description=description, json_schema_extra={"variables": list(variables)}
    )


def _secret_variable(description: str, *variables: str) -> Any:
    return Field(
        Secret(""),
        description=description,
        json_schema_extra={"variables": list(variables)},
    )


class Table(BaseModel):
    """A table of settings: no unknown keys, no change after it is read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False
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


class Thresholds(Table):
    """Limits for one endpoint; a limit left out is not judged.

    Any other percentile may be given too, such as ``p75_ms`` or ``p99_9_ms``.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[
        Annotated[str, AfterValidator(_threshold_name)], Milliseconds
    ] = Field(init=False)

    mean_ms: Milliseconds | None = Field(None, description="mean")
    p50_ms: Milliseconds | None = Field(None, description="median")
    p90_ms: Milliseconds | None = Field(None, description="90th percentile")
    p95_ms: Milliseconds | None = Field(None, description="95th percentile")
    p99_ms: Milliseconds | None = Field(None, description="99th percentile")
    max_ms: Milliseconds | None = Field(None, description="longest single response")
    error_ratio: Ratio | None = Field(None, description="failed share of the requests")
    min_rate: Rate | None = Field(None, description="least requests a second")
    min_samples: Count | None = Field(
        None,
        description="least requests measured; with fewer, no limit of the endpoint "
        "passes",
    )
    abort: list[str] = Field(
        default_factory=list,
        description="limits of this endpoint that end the load early once they "
        "cannot hold any more",
    )

    @model_validator(mode="after")
    def _abort_names_limits(self) -> Self:
        for name in self.abort:
            if name not in self.limits() or name == "min_samples":
                raise ValueError(
                    f"abort names {name}, which is no limit here that could be lost; "
                    "give its limit, or leave it out of abort"
                )
        return self

    def limits(self) -> dict[str, float]:
        """Return what is limited, by name: percentiles first, rising."""
        given: dict[str, float] = self.model_dump(exclude_none=True, exclude={"abort"})
        percentiles = sorted((n for n in given if percentile(n)), key=_by_percentile)
        rest = [n for n in type(self).model_fields if n in given and not percentile(n)]
        return {name: given[name] for name in (*percentiles, *rest)}


def percentile(name: str) -> float | None:
    """Return the percentile that a threshold's name means: ``p99_9_ms`` is 99.9.

    None when it names none.
    """
    found = PERCENTILE.fullmatch(name)
    if not found:
        return None
    return float(f"{found['whole']}.{found['tenths'] or 0}")


def _by_percentile(name: str) -> float:
    return percentile(name) or 0.0


class Regression(Table):
    """Whether this build answers slower than earlier ones under the same load."""

    judged: bool = Field(
        default=False,
        description="whether a slower build fails; if not, the change is shown only",
    )
    builds: Count = Field(
        5, description="earlier builds to compare with: the last so many that passed"
    )
    least_builds: Annotated[int, Field(ge=2)] = Field(
        3, description="earlier builds without which there is no baseline yet"
    )
    effect_ratio: Annotated[float, Field(gt=0)] = Field(
        0.1, description="change of p50 or p95 that matters, as a share"
    )
    least_ms: Pause = Field(
        5, description="milliseconds that the change must exceed as well"
    )


class Canary(Table):
    """Whether the first upgraded instance is compared with an old one beside it.

    With the table ``[env.NAME.canary]``, even an empty one, it is.
    """

    enabled: bool = Field(
        default=True, description="with the table [env.NAME.canary]; else false"
    )
    users: Count = Field(
        10, description="simulated users, each of whom asks both instances"
    )
    warmup_s: Pause = Field(5, description="seconds before pairs count")
    block_s: Seconds = Field(1, description="seconds whose pairs make one block")
    least_s: Seconds = Field(20, description="seconds before the first look")
    look_s: Seconds = Field(10, description="seconds between looks")
    most_s: Seconds = Field(
        60, description="seconds after which what is unclear is inconclusive"
    )
    effect_ratio: Annotated[float, Field(gt=0)] = Field(
        0.1, description="change of response times that matters, as a share"
    )


class Load(Table):
    """What load is sent, and what it must not exceed."""

    locustfile: str = Field(
        "tests/load/locustfile.py",
        description="a plain Locust file, from the folder of release.toml",
    )
    model: Literal["closed", "open"] = Field(
        "closed",
        description="closed: users who wait for each answer; open: tasks that arrive "
        "at a rate, whether earlier ones have ended or not",
    )
    users: Count = Field(
        10,
        description="simulated users; in the open model, those made beforehand",
    )
    spawn_rate: Rate = Field(10, description="users started a second")
    rate: Rate | None = Field(
        None, description="tasks that arrive a second, in the open model"
    )
    arrivals: Literal["poisson", "constant"] = Field(
        "poisson", description="how they arrive: by chance, or evenly"
    )
    most_under_way: Count = Field(
        1000,
        description="arrivals that may be under way at once; those beyond it count "
        "as failed",
    )
    processes: Count = Field(1, description="Locust processes that share the load")
    time_s: Seconds = Field(60, description="seconds measured, after the warm-up")
    warmup_s: Pause = Field(
        10, description="seconds before measuring starts, left out of every figure"
    )
    regression: Regression = Field(default=Regression(), description="see regression")
    thresholds: dict[str, Thresholds] = Field(
        default_factory=dict,
        description='limits by endpoint, such as "GET /"; "*" is all together, '
        '"GET /api/*" those that match',
    )

    @model_validator(mode="after")
    def _open_has_a_rate(self) -> Self:
        if self.model == "open" and self.rate is None:
            raise ValueError('model = "open" needs rate, the arrivals a second')
        return self


class Retention(Table):
    """How much of what grew old is kept when a release has passed."""

    images: Count = Field(
        5,
        description="image versions kept: the last so many that passed; one that a "
        "scale set refers to stays too",
    )
    blob_days: Annotated[float, Field(gt=0)] = Field(
        30, description="days that payloads and logs of bakes are kept at most"
    )
    deployments: Count = Field(
        50,
        description="deployments kept in the history of each resource group, of those "
        "that releases made",
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
    location: str = Field("westeurope", description="Azure region", min_length=1)
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
    bake_timeout_s: Seconds = Field(3600, description="seconds a bake may take")
    deploy_timeout_s: Seconds = Field(
        1800, description="seconds a template deployment may take"
    )
    rollout: Rollout = Field(default=Rollout(), description="see rollout")
    preflight: Preflight = Field(default=Preflight(), description="see preflight")
    canary: Canary = Field(default=Canary(enabled=False), description="see canary")
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


BaseImage = Annotated[
    str,
    AfterValidator(
        _matches(
            r"([\w.-]+:[\w.-]+:[\w.-]+)?",
            "PUBLISHER:OFFER:SKU, such as Debian:debian-12:12-gen2",
        )
    ),
]


class Packer(Table):
    """What Packer is told, where it is the builder."""

    template: str = Field(
        "app/image",
        description="Packer template (JSON or HCL2), or folder of HCL2 files, from the "
        "folder of release.toml",
        min_length=1,
    )
    inputs: list[str] = Field(
        default_factory=list,
        description="files and folders that it uses outside of its own folder",
    )
    variables: dict[str, str] = Field(
        default_factory=dict, description="values of its variables; no secrets"
    )
    only: list[str] = Field(
        default_factory=list, description="names of its builds to run; empty: all"
    )
    base: BaseImage = Field(
        "",
        description="PUBLISHER:OFFER:SKU, whose newest version is looked up for the "
        "template's variable release_base_version",
    )


class Image(Table):
    """What is baked, the same for every environment."""

    builder: Literal["native", "packer"] = Field(
        "native", description="what bakes: the recipe's own builder, or Packer"
    )
    recipe: str = Field(
        "app/image",
        description="folder with recipe.toml, from the folder of release.toml",
    )
    build: list[str] = Field(
        default_factory=list,
        description="command run before the recipe is read, such as make dist",
    )
    packer: Packer = Field(default=Packer(), description="see packer")


class Document(Table):
    """release.toml as a whole."""

    image: Image = Field(default=Image(), description="what is baked")
    env: dict[str, Environment] = Field(description="environments by name")


class Account(Table):
    """Who signs in to Azure; from variables only, never from a file.

    ARM_* names win over the AZURE_* names of azure-identity. Which of the ways that
    are given is taken: see `release.azure.chain`.
    """

    tenant_id: Guid = _variable(
        "tenant of the principal that signs in",
        "ARM_TENANT_ID",
        "AZURE_TENANT_ID",
        "AZURESUBSCRIPTION_TENANT_ID",
    )
    client_id: Guid = _variable(
        "application or managed identity that signs in",
        "ARM_CLIENT_ID",
        "AZURE_CLIENT_ID",
        "AZURESUBSCRIPTION_CLIENT_ID",
    )
    client_secret: Secret = _secret_variable(
        "its secret", "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET"
    )
    client_certificate_path: str = _variable(
        "its certificate with the key, PEM or PKCS12",
        "ARM_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PATH",
    )
    client_certificate_password: Secret = _secret_variable(
        "password of that file",
        "ARM_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    )
    federated_token_file: str = _variable(
        "file with a workload identity's token, read anew for each sign-in",
        "ARM_OIDC_TOKEN_FILE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    )
    use_oidc: bool = Field(
        default=False,
        description="true: sign in with an OIDC token, whatever else is given",
        json_schema_extra={"variables": ["ARM_USE_OIDC"]},
    )
    github_request_url: str = _variable(
        "where a GitHub Actions job asks for its token",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    )
    github_request_token: Secret = _secret_variable(
        "what it asks with", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    )
    pipelines_request_url: str = _variable(
        "where an Azure Pipelines job asks for its token", "SYSTEM_OIDCREQUESTURI"
    )
    pipelines_request_token: Secret = _secret_variable(
        "what it asks with; map it from System.AccessToken", "SYSTEM_ACCESSTOKEN"
    )
    service_connection_id: str = _variable(
        "service connection of Azure Pipelines that the token is for",
        "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    )
    use_msi: bool = Field(
        default=False,
        description="true: sign in as a managed identity, whatever else is given",
        json_schema_extra={"variables": ["ARM_USE_MSI"]},
    )
    identity_endpoint: str = _variable(
        "where a managed identity is asked for, as its host sets it",
        "IDENTITY_ENDPOINT",
        "MSI_ENDPOINT",
    )
