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
SCALE_SET = "release-scale-set"
"""`group/name` of the scale set that something was made for: whoever holds its lock
knows that no other build of it runs."""
EXPIRES = "release-expires"
VERDICT = "release-verdict"
LAST_PASSED = "release-last-passed"
"""Build that passed before the one that a scale set runs unproved."""
LAST_IMAGE = "release-last-image"
"""Image of that build, which may lie in another environment's gallery."""
PASSED_IN = "release-passed-in"
"""Where an image passed, and in which release: ``qa=2026.1125.101500 prod=...``, the
last one last."""
REPAIRS = "release-repairs"
"""Set to `SUSPENDED` while a release has turned automatic repairs off, so that the
next one knows it even when this one is killed."""

VALUE_LENGTH = 256
OWNER_VALUE = "pytest-release"
PASSED = "passed"
SUSPENDED = "suspended"


def ours(tags: Mapping[str, str] | None) -> bool:
    """Tell whether this project created what carries the tags."""
    return (tags or {}).get(OWNER) == OWNER_VALUE


def of_release(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those tags that this project writes."""
    return {name: text for name, text in tags.items() if name.startswith("release-")}


def scale_set(group: str, name: str) -> str:
    """Return what `SCALE_SET` says of a scale set."""
    return f"{group}/{name}".lower()


def created(
    *,
    environment: str,
    build: str,
    commit: str = "",
    digest: str = "",
    scale_set: str = "",
) -> dict[str, str]:
    """Return the tags of something that a build creates; empty ones left out."""
    tags = {
        OWNER: OWNER_VALUE,
        ENVIRONMENT: environment,
        SCALE_SET: scale_set,
        BUILD: build,
        COMMIT: commit,
        DIGEST: digest,
    }
    return {name: value for name, value in tags.items() if value}


def passed_in(tags: Mapping[str, str], environment: str) -> str:
    """Return the release in which an image passed in an environment, or ""."""
    return _passes(tags).get(environment, "")


def passed_anywhere(tags: Mapping[str, str]) -> set[str]:
    """Return the environments in which an image passed."""
    return set(_passes(tags))


def also_passed(
    tags: Mapping[str, str], *, environment: str, build: str
) -> dict[str, str]:
    """Return the tags of an image that passed in an environment too.

    Where the value would get too long, the oldest passes are forgotten.
    """
    passes = _passes(tags)
    passes.pop(environment, None)
    noted = [f"{name}={of}" for name, of in (*passes.items(), (environment, build))]
    while len(" ".join(noted)) > VALUE_LENGTH:
        noted.pop(0)
    return {**tags, VERDICT: PASSED, PASSED_IN: " ".join(noted)}


def _passes(tags: Mapping[str, str]) -> dict[str, str]:
    pairs = (one.rpartition("=") for one in tags.get(PASSED_IN, "").split())
    return {environment: build for environment, _, build in pairs}


def temporary(tags: Mapping[str, str], expires_at: datetime) -> dict[str, str]:
    """Return the tags of something that may be deleted after a time."""
    return {**tags, EXPIRES: expires_at.isoformat(timespec="seconds")}


def to_metadata(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags as metadata of a blob, whose names take no hyphen.

    Source: "Setting and retrieving properties and metadata for Blob resources".
    """
    return {name.replace("-", "_"): text for name, text in tags.items()}


def from_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return the tags that a blob's metadata holds."""
    return {name.replace("_", "-"): text for name, text in (metadata or {}).items()}
