"""What there might be on Azure, as values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from release.azure import tags
from release.azure.gallery import Version
from release.azure.storage import Stored
from release.cleaning import Inventory
from release.deploy import Deployed

SCALE_SET = "qa-rg/web"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
GALLERY = "/subscriptions/s/resourceGroups/i/providers/Microsoft.Compute/galleries/g"


def labels(build: str, **more: str) -> dict[str, str]:
    made = tags.created(environment="qa", build=build, scale_set=SCALE_SET)
    return {**made, **{f"release-{name}": text for name, text in more.items()}}


@pytest.fixture
def version() -> Callable[..., Version]:
    def made(name: str, *, state: str = "Succeeded", **more: Any) -> Version:
        return Version(
            id=f"{GALLERY}/images/web/versions/{name}",
            name=name,
            tags=more.pop("tags", labels(name, **more)),
            state=state,
            published_at=NOW - timedelta(days=1),
        )

    return made


@pytest.fixture
def blob() -> Callable[..., Stored]:
    def made(name: str, build: str, *, days: float = 1, **more: Any) -> Stored:
        return Stored(
            name=name,
            tags=more.get("tags", labels(build)),
            modified_at=NOW - timedelta(days=days),
            size_bytes=1,
            etag='"1"',
        )

    return made


@pytest.fixture
def deployed() -> Callable[..., Deployed]:
    def made(build: str, **more: str) -> Deployed:
        return Deployed(
            image_id=f"{GALLERY}/images/web/versions/{build}",
            build=build,
            capacity=2,
            size="Standard_B2s",
            repairs=True,
            ssh_key="",
            site_url="http://127.0.0.1",
            instances=(),
            tags=labels(build, **more),
        )

    return made


@pytest.fixture
def inventory() -> Callable[..., Inventory]:
    def made(**given: Any) -> Inventory:
        nothing: dict[str, Any] = {
            "groups": {},
            "versions": (),
            "blobs": (),
            "deployed": None,
            "needed": frozenset(),
            "past": (),
        }
        return Inventory(**{**nothing, **given})

    return made
