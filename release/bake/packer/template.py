"""All that determines an image of a Packer template, as far as it can be known.

Packer does not tell which files a template refers to. The rule: all of the folder
that the template lies in, and what ``image.packer.inputs`` names besides. A template
that lies beside release.toml, in the project's own folder, counts alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from release.bake.files import File, walk
from release.errors import SettingsError
from release.settings import Packer

BUILDER_VERSION = "packer-1"
"""Raise it when this package makes another image of the same template."""
BUILD_ID = b"release_build"
"""What a template must mention in some spelling: see `release.bake.packer.given`."""
HCL2 = (".pkr.hcl", ".pkr.json")
_PLUGINS = re.compile(rb"^\s*required_plugins\s*\{", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """What `read` found.

    Attributes:
        name: As image.packer.template names it.
        path: The file, or the folder of HCL2 files.
        is_hcl2: Whether it is HCL2; else it is the older JSON.
        wants_plugins: Whether it has ``required_plugins``.
        files: The template and all that counts with it.
        packer: Its settings.
    """

    name: str
    path: Path
    is_hcl2: bool
    wants_plugins: bool
    files: tuple[File, ...]
    packer: Packer

    @property
    def folder(self) -> Path:
        """Where Packer runs: what it refers to is relative to the template."""
        return self.path if self.path.is_dir() else self.path.parent


def read(root: Path, packer: Packer) -> Template:
    """Read a template and all that counts with it.

    Args:
        root: The folder of release.toml.
        packer: Its settings.

    Raises:
        SettingsError: Something is missing or wrong; all problems at once.
    """
    path = root / packer.template
    problems: list[str] = []
    written = sources(path)
    if not written:
        problems.append(f"template: {missing(path, packer.template)}")
    files: dict[str, File] = {}
    for place in _places(root, path) if written else ():
        files.update(walk(_name(root, place), place, problems))
    if written and not any(BUILD_ID in _text(file).lower() for file in files.values()):
        problems.append(
            f"template: nothing in {packer.template} mentions release_build; "
            "declare that variable, and write it to /etc/release.env as "
            "RELEASE_BUILD=..., for the service to answer with"
        )
    for name in packer.inputs:
        place = Path(os.path.normpath(root / name))
        if place.exists():
            files.update(walk(_name(root, place), place, problems))
        else:
            problems.append(
                f"inputs: there is no {name}; was the image's build command run?"
            )
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise SettingsError(f"image.packer has {count}:{lines}", fix="mend them")
    return Template(
        name=packer.template,
        path=path,
        is_hcl2=path.is_dir() or path.name.endswith(HCL2),
        wants_plugins=any(wants_plugins(source.read_bytes()) for source in written),
        files=tuple(files[name] for name in sorted(files)),
        packer=packer,
    )


def digest(template: Template, *, packer_version: str, base_version: str) -> str:
    """Return the SHA-256 of what determines the image, as 64 hexadecimal digits. Pure.

    Args:
        template: What was read.
        packer_version: Packer's own.
        base_version: What the template's ``release_base_version`` is.
    """
    settings = template.packer
    content = {
        "schema": 1,
        "builder": BUILDER_VERSION,
        "packer": packer_version,
        "template": settings.template,
        "only": settings.only,
        "variables": settings.variables,
        "base": [settings.base, base_version],
        "files": [[file.path, file.executable, file.sha256] for file in template.files],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def sources(path: Path) -> list[Path]:
    """Return the files that hold the template itself."""
    if path.is_dir():
        return sorted(child for child in path.iterdir() if child.name.endswith(HCL2))
    return [path] if path.is_file() and path.name.endswith((*HCL2, ".json")) else []


def missing(path: Path, name: str) -> str:
    """Say why a place holds no template."""
    if path.is_dir():
        return f"{name} has no file *.pkr.hcl or *.pkr.json"
    if path.is_file():
        return f"{name} must end in .pkr.hcl, .pkr.json or .json"
    return f"there is no {name}"


def wants_plugins(text: bytes) -> bool:
    """Tell whether a template names the plugins that it needs."""
    return bool(_PLUGINS.search(text))


def _places(root: Path, path: Path) -> list[Path]:
    folder = path if path.is_dir() else path.parent
    if folder.resolve() == root.resolve():
        return sources(path)
    return [Path(os.path.normpath(folder))]


def _name(root: Path, place: Path) -> str:
    return Path(os.path.relpath(place, root)).as_posix()


def _text(file: File) -> bytes:
    return file.local.read_bytes()
