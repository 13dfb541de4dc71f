"""What every table of settings is made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Secret(SecretStr):
    """Text that every rendering shows as ``***``."""

    def _display(self) -> str:
        return "***" if self.get_secret_value() else ""

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"


class Table(BaseModel):
    """A table of settings: no unknown keys, no change after it is read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )


def variable(description: str, *variables: str) -> Any:
    """Return a field that variables alone set."""
    return Field(
        "", description=description, json_schema_extra={"variables": list(variables)}
    )


def secret_variable(description: str, *variables: str) -> Any:
    """Return a secret field that variables alone set."""
    return Field(
        Secret(""),
        description=description,
        json_schema_extra={"variables": list(variables)},
    )
