"""Settings from four ranked sources; each value knows its source."""

from release.settings.model import (
    Account,
    Environment,
    Image,
    Packer,
    Retention,
    Secret,
)
from release.settings.settings import (
    Settings,
    account_of,
    cloud_of,
    environments,
    load,
    source,
    variables_of,
)
from release.settings.sources import Source, SourceKind, assignments

__all__ = [
    "Account",
    "Environment",
    "Image",
    "Packer",
    "Retention",
    "Secret",
    "Settings",
    "Source",
    "SourceKind",
    "account_of",
    "assignments",
    "cloud_of",
    "environments",
    "load",
    "source",
    "variables_of",
]
