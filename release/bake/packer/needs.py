"""What Packer would need on this machine, and what of it is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from release import tools
from release.bake.packer import template
from release.bake.packer.program import Program, find
from release.errors import ToolMissing
from release.settings import Image

ALONE = (1, 10)
"""From here on Packer brings no builders and provisioners of its own (source:
Packer's changelog, 1.10.0)."""
PLUGINS = {
    "azure": re.compile(rb"\bazure-arm\b"),
    "ansible": re.compile(rb"[\"']ansible(-local)?[\"']"),
}
_ANSIBLE_HERE = re.compile(rb"provisioner\s+\"ansible\"|\"type\"\s*:\s*\"ansible\"")


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One thing that was looked at."""

    name: str
    found: str
    fix: str = ""
    """What to do; "" where nothing is amiss."""


def look(root: Path, image: Image, *, path: str) -> Iterator[Need]:
    """Look at what Packer would need; where it is not the builder nothing is amiss.

    Args:
        root: The folder of release.toml.
        image: Says what bakes.
        path: As in PATH.
    """
    is_builder = image.builder == "packer"
    name = image.packer.template
    sources = template.sources(root / name)
    if is_builder:
        wrong = "" if sources else template.missing(root / name, name)
        fix = "write it, or name another in image.packer.template" if wrong else ""
        yield Need(name="image.packer.template", found=wrong or name, fix=fix)
    try:
        program = find(path=path)
    except ToolMissing as error:
        unused = f'{error.what}; only image.builder = "packer" needs it'
        yield (
            Need(name="Packer", found=error.what, fix=error.fix)
            if is_builder
            else Need(name="Packer", found=unused)
        )
        return
    unused = "" if is_builder else ', which image.builder = "packer" would use'
    yield Need(name="Packer", found=f"{program.version} at {program.path}{unused}")
    if is_builder:
        text = b"\n".join(source.read_bytes() for source in sources)
        yield from _plugins(program, text)
        yield from _ansible(text, path)


def _plugins(program: Program, text: bytes) -> Iterator[Need]:
    if program.numbers < ALONE or template.wants_plugins(text):
        return
    installed = tools.run(program.path, "plugins", "installed").output
    for name, used in PLUGINS.items():
        if used.search(text):
            there = f"packer-plugin-{name}" in installed
            install = f"packer plugins install github.com/hashicorp/{name}"
            yield Need(
                name=f"Packer's plugin {name}",
                found="installed" if there else "not installed",
                fix="" if there else f"run {install}",
            )


def _ansible(text: bytes, path: str) -> Iterator[Need]:
    """Packer's provisioner ansible runs here; ansible-local runs on the machine."""
    if _ANSIBLE_HERE.search(text):
        place = tools.find("ansible-playbook", path=path)
        yield Need(
            name="Ansible",
            found=place or "not installed",
            fix="" if place else "run pip install ansible-core, or use ansible-local",
        )
