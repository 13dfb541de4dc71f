"""What Packer is given: its environment, its variables, its command line. Pure.

A template takes what it wants of it by declaring variables of these names:

release_build, release_commit, release_digest   identity, for /etc/release.env
release_group, release_tags        name and tags of the temporary resource group
release_image_name                 name of a managed image, or prefix of a VHD, that
                                   need not outlive the release
release_image_group, release_gallery, release_definition
release_subscription, release_location, release_builder_size
release_cloud                      as Packer names clouds: Public, USGovernment, China
release_base_version               newest version of image.packer.base, or "latest"
release_ssh_port                   22, but for the embedded Azure
client_id, client_secret, tenant_id, subscription_id   who signs in

Secrets travel in the environment only, never in a file or an argument: HCL2 takes
them as ``PKR_VAR_client_secret``, the older JSON as ``{{env `ARM_CLIENT_SECRET`}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from release.azure import tags
from release.azure.surroundings import Surroundings
from release.bake.job import Job
from release.bake.packer.template import Template

_SIGNING_IN = {
    "client_id": "ARM_CLIENT_ID",
    "client_secret": "ARM_CLIENT_SECRET",
    "tenant_id": "ARM_TENANT_ID",
    "subscription_id": "ARM_SUBSCRIPTION_ID",
}
_CLOUDS = {"public": "Public", "usgovernment": "USGovernment", "china": "China"}
"""Source: Packer, builder azure-arm, ``cloud_environment_name``."""
_SECRETS = ("client_secret",)
_IDENTITY = ("release_build", "release_commit", "release_digest")


def image_name(build: str) -> str:
    """Return the name of what need not outlive the release.

    The prefix of a VHD's name may have 24 characters (source: packer-plugin-azure,
    builder/azure/arm/config.go).
    """
    return f"release-{build}"


def variables(
    job: Job, *, base_version: str, ssh_port: int, expires_at: datetime
) -> dict[str, str]:
    """Return the values of what a template may declare, credentials left out.

    Args:
        job: The bake.
        base_version: Exact version of the base image, or "latest".
        ssh_port: Where machines listen for SSH.
        expires_at: When the temporary group may be deleted by anybody.
    """
    env = job.env
    return {
        "release_build": job.build,
        "release_commit": job.commit,
        "release_digest": job.digest,
        "release_group": job.group,
        "release_tags": json.dumps(tags.temporary(job.tags, expires_at)),
        "release_image_name": image_name(job.build),
        "release_image_group": env.image_resource_group,
        "release_gallery": env.gallery,
        "release_definition": env.image_definition,
        "release_cloud": _CLOUDS[env.azure_cloud],
        "release_subscription": job.azure.subscription,
        "release_location": env.location,
        "release_builder_size": env.builder_size,
        "release_base_version": base_version,
        "release_ssh_port": str(ssh_port),
    }


def environment(surroundings: Surroundings, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of Packer.

    HCL2 reads its variables there, and pays no heed to those that it does not
    declare. Packer's debug log would be taken for output, and asks nobody for news.

    Args:
        surroundings: What an Azure client needs here.
        given: What `variables` returned.
    """
    around = surroundings.environment
    kept = {name: text for name, text in around.items() if name != "PACKER_LOG"}
    both = {**_signing_in(surroundings), **given}
    return {
        **kept,
        **{f"PKR_VAR_{name}": text for name, text in both.items()},
        **{name.upper(): text for name, text in given.items() if name in _IDENTITY},
        "CHECKPOINT_DISABLE": "1",
        "PACKER_NO_COLOR": "1",
    }


def variables_file(
    template: Template, surroundings: Surroundings, given: Mapping[str, str]
) -> dict[str, str]:
    """Return what is to stand in the file of variables; it has no secret.

    The older JSON knows no other way, and pays no heed to what it does not declare.
    """
    own = template.packer.variables
    if template.is_hcl2:
        return dict(own)
    public = {
        name: text
        for name, text in _signing_in(surroundings).items()
        if name not in _SECRETS
    }
    return {**public, **given, **own}


def _signing_in(surroundings: Surroundings) -> dict[str, str]:
    return {
        name: surroundings.environment[variable]
        for name, variable in _SIGNING_IN.items()
        if surroundings.environment.get(variable)
    }


def command(program: str, template: Template, variables: Path) -> list[str]:
    """Return the command that builds a template."""
    only = template.packer.only
    return [
        *(program, "build", "-machine-readable", "-color=false"),
        f"-var-file={variables}",
        *([f"-only={','.join(only)}"] if only else []),
        _argument(template),
    ]


def init_command(program: str, template: Template) -> list[str]:
    """Return the command that installs the plugins that a template names."""
    return [program, "init", _argument(template)]


def _argument(template: Template) -> str:
    return "." if template.path.is_dir() else template.path.name
