"""Settings from four ranked sources; each value knows its source."""

from release.settings.model import Account, Environment, Image, Secret
from release.settings.settings import Settings, environments, load
from release.settings.sources import Source, SourceKind, assignments

__all__ = [
    "Account",
    "Environment",
    "Image",
    "Secret",
    "Settings",
    "Source",
    "SourceKind",
    "assignments",
    "environments",
    "load",
]
