"""What the service is told by its environment."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Where the data are, who this is, and the key of the sessions."""

    database: Path
    drain_file: Path
    """While this file exists, the service says that it is draining."""
    build: str
    """Id of the build that made this image, or "" outside one."""
    secret_key: str = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Configuration:
        """Read process variables; without a session key, make one for this process."""
        return cls(
            database=Path(environment.get("ROCDASH_DATABASE", "rocdash.sqlite")),
            drain_file=Path(
                environment.get("ROCDASH_DRAIN_FILE", "/run/rocdash/draining")
            ),
            build=environment.get("RELEASE_BUILD", ""),
            secret_key=environment.get("ROCDASH_SECRET_KEY") or secrets.token_hex(),
        )
