"""How instances came to their build: batch by batch, old and new, and proved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.report import figures


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One instance."""

    batch: str
    name: str
    before: str
    """Version that it ran, or "none" where it is new."""
    after: str
    """Version that it runs now."""
    healthy: str
    """Time from the beginning of its change until it was healthy."""
    answers: str
    """Build that it answered with, asked at its own address."""
    health: str
    address: str
    well: bool


def batches(record: Mapping[str, Any], stage: str) -> list[Mapping[str, Any]]:
    """Return the batches of a stage; none in records from before they were kept."""
    every = (record.get("rollout") or {}).get("batches", ())
    return [batch for batch in every if batch["stage"] == stage]


def rows(
    batches: Sequence[Mapping[str, Any]],
    proved: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
) -> list[Row]:
    """Return the instances of a roll-out in the order that it reached them.

    Args:
        batches: Of one stage; empty where nothing had to be changed.
        proved: What was deployed in the end, or None where it was not proved.
        before: What was deployed before, or None.
    """
    there = {each["name"]: each for each in (proved or {}).get("instances", ())}
    old = {each["name"]: each for each in (before or {}).get("instances", ())}
    found = [
        _row(each, batch, there.get(each["name"]))
        for batch in batches
        for each in batch["instances"]
    ]
    reached = {row.name for row in found}
    return found + [
        _other(each, old.get(name))
        for name, each in there.items()
        if name not in reached
    ]


def _row(
    each: Mapping[str, Any], batch: Mapping[str, Any], now: Mapping[str, Any] | None
) -> Row:
    healthy_s = each["healthy_s"]
    now = now or {}
    return Row(
        batch=batch["batch"],
        name=each["name"],
        before=each["before"] or "none",
        after=each["after"],
        healthy="not healthy" if healthy_s is None else figures.duration(healthy_s),
        answers=now.get("build") or "not asked",
        health=now.get("health") or ("unknown" if healthy_s is None else "healthy"),
        address=now.get("address", ""),
        well=healthy_s is not None,
    )


def _other(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> Row:
    """Return an instance that no batch reached."""
    after, old = _version(now), _version(before or {})
    return Row(
        batch="none",
        name=now["name"],
        before=old or "none",
        after=after or "unknown",
        healthy="unchanged" if after == old else "not measured",
        answers=now.get("build") or "not asked",
        health=now["health"],
        address=now["address"],
        well=now["health"] == "healthy",
    )


def _version(instance: Mapping[str, Any]) -> str:
    """Return the version of the image that an instance runs."""
    return str(instance.get("image_id", "")).rpartition("/")[2]
