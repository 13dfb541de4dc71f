"""The image of a release as its report shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.report.figures import moment, short
from release.report.top import Fact


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """One change that came with the release."""

    name: str
    subject: str
    author: str
    written: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Baked:
    """An image, and what is new in it."""

    facts: tuple[Fact, ...]
    since: str
    """The build that passed last here, or "" where none is known."""
    commits: tuple[Commit, ...]
    """Those since that build, newest first."""
    count: int
    """How many there are; more than are shown, perhaps."""


def image(record: Mapping[str, Any]) -> Baked | None:
    """Return the image that a build deployed, baked or reused; None without one."""
    found = record["image"]
    if not found:
        return None
    origin = record.get("origin") or {}
    passed = origin.get("passed") or {}
    facts = (
        Fact(name="Version", value=found["version"]),
        Fact(
            name="Made",
            value=_made(found),
            notes=_moments(found.get("baked_at", "")),
        ),
        Fact(name="From", value=_source(record)),
        Fact(name="Recipe digest", value=short(found["digest"]), title=found["digest"]),
        Fact(
            name="Commit",
            value=short(found["commit"]) if found["commit"] else "none",
            title=found["commit"],
        ),
    )
    return Baked(
        facts=tuple(fact for fact in facts if fact.value),
        since=passed.get("build", ""),
        commits=tuple(
            Commit(
                name=short(each["commit"]),
                subject=each["subject"],
                author=each["author"],
                written=moment(each["authored_at"]),
            )
            for each in origin.get("commits") or ()
        ),
        count=origin.get("count", 0),
    )


def _made(found: Mapping[str, Any]) -> str:
    if found.get("passed_in"):
        return (
            f"reused from {found['passed_in']}, where it passed; "
            f"baked by build {found['build']}"
        )
    if found["reused"]:
        return f"reused, baked by build {found['build']}"
    return "baked by this build"


def _moments(text: str) -> tuple[str, ...]:
    return (moment(text),) if text else ()


def _source(record: Mapping[str, Any]) -> str:
    """Return what the image is baked from: its recipe, and the image below it."""
    values = {each["path"]: each["value"] for each in record["settings"]}
    if values.get("image.builder") == "packer":
        base = values.get("image.packer.base", "")
        made = f"{values['image.packer.template']}, by Packer"
    else:
        base, made = record.get("base", ""), values.get("image.recipe", "")
    return f"{made} on {base}" if base else made
