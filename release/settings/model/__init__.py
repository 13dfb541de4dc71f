"""What settings there are, as pydantic models: types, ranges, defaults, help.

Each field's description is its documentation; the settings table of the README
is made from it. A field's ``variables`` are the process variables that teams
have today; `release.settings.catalogue` adds a ``RELEASE_...`` one to each.
"""

from __future__ import annotations

from pydantic import Field

from release.settings.model.account import Account
from release.settings.model.environment import (
    Environment,
    Preflight,
    Retention,
    Rollout,
)
from release.settings.model.image import Image, Packer
from release.settings.model.load import (
    Canary,
    Load,
    Regression,
    Thresholds,
    Workers,
    percentile,
)
from release.settings.model.smoke import Smoke
from release.settings.model.table import Secret, Table
from release.settings.model.values import EnvironmentName

__all__ = [
    "Account",
    "Canary",
    "Document",
    "Environment",
    "Image",
    "Load",
    "Packer",
    "Preflight",
    "Regression",
    "Retention",
    "Rollout",
    "Secret",
    "Smoke",
    "Table",
    "Thresholds",
    "Workers",
    "percentile",
]


class Document(Table):
    """release.toml as a whole."""

    image: Image = Field(default=Image(), description="what is baked")
    env: dict[EnvironmentName, Environment] = Field(description="environments by name")
