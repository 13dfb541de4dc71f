"""The image that passed in one environment and is to be released to another.

Tags of an image version say where it passed, and in which release of there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from release.azure import gallery, tags
from release.azure.clients import Azure
from release.azure.gallery import Image, Version
from release.errors import BakeFailed
from release.settings import Environment

FIX = "release to {0} until it passes: pytest --env {0}"


def passed(azure: Azure, env: Environment, environment: str) -> Image:
    """Return the image that passed last in an environment.

    Args:
        azure: The clients of that environment's subscription.
        env: Its settings: they name the gallery.
        environment: Its name.

    Raises:
        BakeFailed: No image of the gallery passed there.
    """
    there = gallery.versions(azure, env)
    found = last_passed(there, environment)
    if found is None:
        raise BakeFailed(
            f"no image of {env.gallery}/{env.image_definition} has passed in "
            f"{environment}: {counted(len(there))}",
            fix=FIX.format(environment),
        )
    return Image(
        id=found.id,
        version=found.name,
        build=found.tags.get(tags.BUILD, found.name),
        digest=found.tags.get(tags.DIGEST, ""),
        commit=found.tags.get(tags.COMMIT, ""),
        reused=True,
        baked_at=found.published_at.isoformat(timespec="seconds"),
        passed_in=environment,
    )


def last_passed(versions: Sequence[Version], environment: str) -> Version | None:
    """Return the version that passed last in an environment, if any. Pure.

    That need not be the newest: what ran before may have been released again. One that
    another release replicates just now counts too: an older one in its place would be
    a release of something else.
    """
    proved = [
        version
        for version in versions
        if tags.ours(version.tags)
        and version.state != "Deleting"
        and tags.passed_in(version.tags, environment)
    ]
    return max(
        proved, key=lambda version: _passed_at(version, environment), default=None
    )


def _passed_at(version: Version, environment: str) -> list[int]:
    """Return in which build a version passed: 95900, of one minute to ten, as number.

    As a text it would come after 101500.
    """
    build = tags.passed_in(version.tags, environment)
    return [int(part) for part in re.findall(r"\d+", build)]


def counted(count: int) -> str:
    """Say that of so many images none passed. Pure."""
    images = "1 image is" if count == 1 else f"{count or 'no'} images are"
    return f"{images} there, none with a tag {tags.PASSED_IN} that says so"
