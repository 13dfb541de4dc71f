"""Tags that a release writes: the truth about what is deployed, and who made it.

A resource holds at most 50 tags, names up to 512 and values up to 256 characters
(source: Azure Resource Manager, "Use tags").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

OWNER = "release-owner"
BUILD = "release-build"
DIGEST = "release-digest"
COMMIT = "release-commit"
ENVIRONMENT = "release-environment"
EXPIRES = "release-expires"
VERDICT = "release-verdict"
LAST_PASSED = "release-last-passed"
"""Build that passed before the one that a scale set runs unproved."""
REPAIRS = "release-repairs"
"""Set to `SUSPENDED` while a release has turned automatic repairs off, so that the
next one knows it even when this one is killed."""

OWNER_VALUE = "pytest-release"
PASSED = "passed"
SUSPENDED = "suspended"


def ours(tags: Mapping[str, str] | None) -> bool:
    """Tell whether this project created what carries the tags."""
    return (tags or {}).get(OWNER) == OWNER_VALUE


def of_release(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those tags that this project writes."""
    return {name: text for name, text in tags.items() if name.startswith("release-")}


def created(
    *, environment: str, build: str, commit: str = "", digest: str = ""
) -> dict[str, str]:
    """Return the tags of something that a build creates; empty ones left out."""
    tags = {
        OWNER: OWNER_VALUE,
        ENVIRONMENT: environment,
        BUILD: build,
        COMMIT: commit,
        DIGEST: digest,
    }
    return {name: value for name, value in tags.items() if value}


def temporary(tags: Mapping[str, str], expires_at: datetime) -> dict[str, str]:
    """Return the tags of something that may be deleted after a time."""
    return {**tags, EXPIRES: expires_at.isoformat(timespec="seconds")}
