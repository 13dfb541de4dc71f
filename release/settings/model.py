"""What release.toml may say, as pydantic models: types, ranges, defaults, help.

Each field's description is its documentation; the settings table of the README
is checked against it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Milliseconds = Annotated[float, Field(gt=0)]


class Table(BaseModel):
    """A table of release.toml: no unknown keys, no change after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rollout(Table):
    """How instances are upgraded."""

    batch_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.34, description="share of the instances upgraded at a time, after the first"
    )
    drain_s: Annotated[float, Field(ge=0)] = Field(
        15, description="seconds an instance drains before it is upgraded"
    )
    drain_command: str = Field(
        "", description="shell command that makes an instance answer 503 to probes"
    )
    health_timeout_s: Seconds = Field(
        900, description="seconds a batch may take to become healthy"
    )


class Thresholds(Table):
    """Limits for one endpoint; a limit left out is not judged."""

    p50_ms: Milliseconds | None = Field(None, description="median, milliseconds")
    p90_ms: Milliseconds | None = Field(None, description="90th percentile, ms")
    p95_ms: Milliseconds | None = Field(None, description="95th percentile, ms")
    p99_ms: Milliseconds | None = Field(None, description="99th percentile, ms")
    max_ms: Milliseconds | None = Field(None, description="longest single response, ms")
    error_ratio: Ratio | None = Field(None, description="failed share of requests")
    min_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="least requests per second"
    )
    min_samples: Count | None = Field(None, description="least requests measured")


class Load(Table):
    """What load is sent, and what it must not exceed."""

    locustfile: str = Field(
        "tests/load/locustfile.py", description="a plain Locust file"
    )
    users: Count = Field(10, description="simulated users")
    spawn_rate: Annotated[float, Field(gt=0)] = Field(
        10, description="users started per second"
    )
    time_s: Seconds = Field(60, description="seconds measured, after the warm-up")
    warmup_s: Annotated[float, Field(ge=0)] = Field(
        10, description="seconds before measuring starts, left out of every figure"
    )
    thresholds: dict[str, Thresholds] = Field(
        default_factory=dict,
        description='limits by endpoint, such as "GET /"; "*" is all together',
    )


class Environment(Table):
    """One named target."""

    cloud: Literal["local", "azure"] = Field(
        description="local is the embedded Azure; azure is the real one"
    )
    subscription: str = Field("", description="subscription id (ARM_SUBSCRIPTION_ID)")
    location: str = Field("westeurope", description="Azure region")
    resource_group: str = Field(
        description="group of the scale set (DEPLOYMENT_RESOURCE_GROUP)"
    )
    image_resource_group: str = Field(
        description="group of gallery and storage account (ARM_RESOURCE_GROUP)"
    )
    storage_account: str = Field(
        "", description="account for payloads (ARM_STORAGE_ACCOUNT); empty: derived"
    )
    scale_set: str = Field(description="name of the scale set")
    instance_size: str = Field("Standard_B2s", description="VM size of an instance")
    instance_count: Count = Field(
        2, description="instances at the first deployment; later the live number"
    )
    builder_size: str = Field("Standard_B2s", description="VM size of the builder")
    gallery: str = Field(description="compute gallery")
    image_definition: str = Field(description="image definition in the gallery")
    site_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        80, description="port of the site on the load balancer"
    )
    service_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        8080, description="port of the service on an instance"
    )
    health_path: str = Field(
        "/healthz", description="answers 200 and JSON with build and instance"
    )
    allowed_source: str = Field(
        "*", description="addresses that may reach the site (CIDR, or *)"
    )
    disposable: bool = Field(
        default=False, description="whether destructive tests may run here"
    )
    admin_username: str = Field(
        "azureuser", description="administrator of machines (ADMIN_USERNAME)"
    )
    admin_password: SecretStr = Field(
        SecretStr(""),
        description="their password (ADMIN_PASSWORD); empty: an SSH key made anew",
    )
    bake_timeout_s: Seconds = Field(3600, description="seconds a bake may take")
    deploy_timeout_s: Seconds = Field(
        1800, description="seconds a template deployment may take"
    )
    rollout: Rollout = Field(default=Rollout(), description="see rollout")
    load: Load = Field(default=Load(), description="see load")


class Image(Table):
    """What is baked."""

    recipe: str = Field("app/image", description="folder with recipe.toml")
    build: list[str] = Field(
        default_factory=list,
        description="command run before the recipe is read, such as make dist",
    )


class Document(Table):
    """release.toml as a whole."""

    image: Image = Field(default=Image(), description="what is baked")
    env: dict[str, Environment] = Field(description="environments by name")
