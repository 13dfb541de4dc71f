"""Who may log in to a machine."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Admin:
    """The administrator that provisioning makes."""

    username: str
    password: str | None = field(default=None, repr=False)
    """None when no password lets in."""
    ssh_keys: tuple[str, ...] = ()
    """Lines of authorized_keys."""
