"""All that determines an image: base image, ordered steps, their files.

Pure but for `read`, which reads the recipe's folder once. The digest is the
SHA-256 of canonical JSON over base, steps, file contents and the version of the
builder, so that the same recipe gives the same digest on every machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from release.bake.files import File, walk
from release.errors import SettingsError

FILE = "recipe.toml"
BUILDER_VERSION = "1"
"""Raise it when the builder makes another image of the same recipe."""


class Kind(StrEnum):
    """What a step does on the builder machine."""

    FILE = "file"
    """Copies a file or the content of a folder to its destination."""
    SHELL = "shell"
    """Runs a script with ``sh -eu``."""
    ANSIBLE = "ansible"
    """Runs a playbook with the ``ansible-playbook`` that an earlier step, or the
    base image, put on the machine's PATH."""
    CHECK = "check"
    """Runs a script like `SHELL`, after all others: its failure means that the
    machine must not become an image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The marketplace image that the builder machine starts from."""

    publisher: str
    offer: str
    sku: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One provisioner.

    Attributes:
        source: Path inside the payload, with forward slashes.
        destination: Absolute path on the machine, for `Kind.FILE`.
        mode: Octal mode of the files copied, or "" to keep theirs.
    """

    kind: Kind
    source: str
    destination: str = ""
    mode: str = ""

    @property
    def title(self) -> str:
        """Kind and file, as messages name the step."""
        return f"{self.kind} {PurePosixPath(self.source).name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What `read` found in a recipe's folder."""

    name: str
    folder: Path
    base: Base
    steps: tuple[Step, ...]
    files: tuple[File, ...]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Text = Annotated[str, Field(min_length=1)]


class _Base(_Table):
    publisher: Text
    offer: Text
    sku: Text
    version: Text = "latest"


class _File(_Table):
    kind: Literal["file"]
    source: Text
    destination: Annotated[str, Field(pattern="^/")]
    mode: Annotated[str, Field(pattern="^0?[0-7]{3}$")] = ""


class _Script(_Table):
    kind: Literal["shell", "ansible", "check"]
    source: Text


class Document(_Table):
    """A recipe.toml."""

    name: Text
    base: _Base
    provision: list[Annotated[_File | _Script, Field(discriminator="kind")]] = Field(
        min_length=1
    )


def read(folder: Path) -> Recipe:
    """Read a recipe and the names, modes and contents of its files.

    The payload holds the recipe's folder and every source beside it (``../dist``),
    all by their path below the folder's parent.

    Raises:
        SettingsError: The recipe is missing or wrong, a source is missing or lies
            elsewhere, or a file is a symbolic link; all problems at once.
    """
    folder = folder.resolve()
    written = document(folder)
    problems: list[str] = []
    roots: dict[str, Path] = {folder.name: folder}
    steps = []
    for number, given in enumerate(written.provision):
        local = Path(os.path.normpath(folder / given.source))
        if folder.parent not in local.parents:
            problems.append(
                f"provision[{number}].source = {given.source}: must lie below "
                f"{folder.parent.name}/"
            )
            continue
        if not local.exists():
            problems.append(
                f"provision[{number}].source = {given.source}: no such file; was "
                "the image's build command run?"
            )
            continue
        path = local.relative_to(folder.parent).as_posix()
        if folder != local and folder not in local.parents:
            roots[path] = local
        steps.append(_step(given, path))
    problems += _order(steps)
    files: dict[str, File] = {}
    for path, local in roots.items():
        files.update(walk(path, local, problems))
    if problems:
        raise _wrong(folder / FILE, problems)
    return Recipe(
        name=written.name,
        folder=folder,
        base=Base(**written.base.model_dump()),
        steps=tuple(steps),
        files=tuple(files[path] for path in sorted(files)),
    )


def digest(
    recipe: Recipe, *, base_version: str, builder_version: str = BUILDER_VERSION
) -> str:
    """Return the recipe's SHA-256 as 64 hexadecimal digits.

    Args:
        recipe: What was read.
        base_version: The base image's exact version, which "latest" stands for.
        builder_version: Version of the builder's own part in the image.
    """
    content = {
        "schema": 1,
        "builder": builder_version,
        "name": recipe.name,
        "base": [
            recipe.base.publisher,
            recipe.base.offer,
            recipe.base.sku,
            base_version,
        ],
        "steps": steps_json(recipe),
        "files": [[file.path, file.executable, file.sha256] for file in recipe.files],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def steps_json(recipe: Recipe) -> list[dict[str, str]]:
    """Return the steps as the builder machine reads them."""
    return [
        {
            "kind": step.kind.value,
            "source": step.source,
            "destination": step.destination,
            "mode": step.mode,
            "title": step.title,
        }
        for step in recipe.steps
    ]


def document(folder: Path) -> Document:
    """Read a recipe.toml alone: what it names may still have to be built.

    Raises:
        SettingsError: It is missing or wrong; all problems at once.
    """
    path = folder / FILE
    try:
        return Document.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise SettingsError(
            f"no recipe: {path} does not exist",
            fix="set image.recipe in release.toml to the folder with recipe.toml",
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _wrong(path, [str(error)]) from None
    except ValidationError as error:
        problems = [
            f"{_dotted(item['loc'])}: {item['msg'].lower()}" for item in error.errors()
        ]
        raise _wrong(path, problems) from None


def _step(given: _File | _Script, path: str) -> Step:
    if isinstance(given, _File):
        return Step(
            kind=Kind.FILE,
            source=path,
            destination=given.destination,
            mode=given.mode,
        )
    return Step(kind=Kind(given.kind), source=path)


def _order(steps: list[Step]) -> list[str]:
    """A check looks at the finished machine: nothing may follow it."""
    kinds = [step.kind for step in steps]
    if Kind.CHECK in kinds:
        last = kinds[kinds.index(Kind.CHECK) :]
        if any(kind is not Kind.CHECK for kind in last):
            return ["provision: a check must come after all other steps"]
    return []


def _dotted(location: tuple[int | str, ...]) -> str:
    text = ""
    for piece in location:
        text += f"[{piece}]" if isinstance(piece, int) else f".{piece}"
    return text.removeprefix(".")


def _wrong(path: Path, problems: list[str]) -> SettingsError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = "".join(f"\n  {problem}" for problem in problems)
    return SettingsError(f"{path} has {count}:{lines}", fix="mend the recipe")
