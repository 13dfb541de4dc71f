"""What one bake is about, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from azure.mgmt.compute import models

from release.azure import gallery, publishing, tags
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.azure.storage import account_of
from release.journal import Journal, Kind
from release.settings import Environment

STAGE = "bake"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One bake.

    Attributes:
        build: Build id; the version of the image.
        commit: Of the checkout.
        environment: Name of the environment.
        env: Its settings.
        azure: Where.
        journal: Told of everything.
        folder: For what a bake writes; kept between builds, and not archived.
        digest: Of all that determines the image; "" until that was read.
    """

    build: str
    commit: str
    environment: str
    env: Environment
    azure: Azure
    journal: Journal
    folder: Path
    digest: str = ""

    def of(self, digest: str) -> Job:
        """Return it, of a recipe or template that was read."""
        return replace(self, digest=digest)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of all that it creates."""
        return tags.created(
            environment=self.environment,
            build=self.build,
            commit=self.commit,
            digest=self.digest,
            scale_set=tags.scale_set(self.env.resource_group, self.env.scale_set),
        )

    @property
    def account(self) -> str:
        """Name of the storage account."""
        return account_of(self.azure, self.env)

    @property
    def group(self) -> str:
        """Name of its temporary group."""
        return f"release-{self.environment}-{self.build}"

    def progress(self, text: str) -> None:
        """Tell what is happening."""
        self.journal.write(Kind.PROGRESS, stage=STAGE, text=text)

    def output(self, line: str) -> None:
        """Tell a line that the builder machine printed."""
        self.journal.write(Kind.OUTPUT, stage=STAGE, line=line)

    def existing(self) -> Image | None:
        """Return the usable image that an earlier bake made of the same, if any."""
        found = gallery.find(self.azure, self.env, self.digest)
        if found is not None:
            self.progress(
                f"image {found.version} has this recipe already: {self.digest[:12]}"
            )
        return found

    def publish(self, source: models.GalleryImageVersionStorageProfile) -> Image:
        """Make the image version of a source, and wait until it is usable."""
        self.progress(f"publishing {self.env.image_definition} {self.build}")
        return publishing.publish(
            self.azure,
            self.env,
            source=source,
            version=self.build,
            labels=self.tags,
            timeout_s=self.env.bake_timeout_s,
            progress=self.progress,
        )
