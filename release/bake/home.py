"""What a bake needs to be there: gallery, image definition and storage account."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError

from release.azure import deployments, tags
from release.azure.ids import resource_id
from release.azure.operations import call
from release.azure.storage import ensure_account
from release.bake.job import Job


def begin(job: Job) -> deployments.Running | None:
    """Begin to make gallery and definition, as far as they are missing.

    The account was made for the release lock; a bake without one makes it here.
    """
    azure, env = job.azure, job.env
    group = env.image_resource_group

    def present() -> set[str]:
        try:
            found = list(azure.resources.resources.list_by_resource_group(group))
        except ResourceNotFoundError:
            return set()
        return {(it.id or "").lower() for it in found}

    def at(kind: str, *names: str) -> str:
        return resource_id(azure.subscription, group, kind, *names).lower()

    lasting = tags.created(environment=job.environment, build=job.build)
    ensure_account(azure, env, labels=lasting, timeout_s=env.bake_timeout_s)
    there = call(azure, f"listing {group}", present)
    missing = {
        "makeGallery": at("Microsoft.Compute/galleries", env.gallery),
        "makeDefinition": at(
            "Microsoft.Compute/galleries/images", env.gallery, env.image_definition
        ),
    }
    make = {name: wanted not in there for name, wanted in missing.items()}
    if not any(make.values()):
        return None
    job.progress(f"making what is missing in {group}")
    return deployments.begin(
        azure,
        group,
        f"gallery-{job.build}",
        deployments.template("gallery.json"),
        {
            "location": env.location,
            "galleryName": env.gallery,
            "definitionName": env.image_definition,
            "publisher": tags.OWNER_VALUE,
            "tags": lasting,
            **make,
        },
    )
