"""What the record of a release says, and what answers where it was deployed."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def answers_with(record: Mapping[str, Any]) -> set[str]:
    """Return the build ids that the deployed instances answer with now."""
    found = set()
    for instance in record["deployment"]["instances"]:
        with urllib.request.urlopen(f"http://{instance['address']}/healthz") as answer:
            found.add(json.load(answer)["build"])
    return found


def outcomes(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the outcome of each stage, in order."""
    return {stage["name"]: stage["outcome"] for stage in record["stages"]}


def version(record: Mapping[str, Any]) -> str:
    """Return the image version that was released."""
    return str(record["image"]["version"])
