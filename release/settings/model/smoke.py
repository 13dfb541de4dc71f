"""How smoke tests run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from release.settings.model.table import Table


class Smoke(Table):
    """How smoke tests run."""

    retries: Annotated[int, Field(ge=0, le=3)] = Field(
        0,
        description="times that a failed smoke test is tried again; one that passes "
        "then is told as flaky wherever the verdict is",
    )
