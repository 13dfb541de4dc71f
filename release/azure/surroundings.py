"""What a client of Azure that is not ours needs in order to reach it from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SSH_PORT = 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """Where such a client, Packer above all, finds Azure and who it is there.

    Attributes:
        environment: Its process environment, with ``ARM_...`` variables of who signs
            in; it holds secrets.
        ssh_port: Where machines listen for SSH.
    """

    environment: Mapping[str, str] = field(repr=False)
    ssh_port: int = SSH_PORT
