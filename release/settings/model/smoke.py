"""How smoke tests run, and how soon a page must have loaded."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from release.settings.model.table import Table
from release.settings.model.values import Count, Milliseconds, Seconds, UrlPath


class Smoke(Table):
    """How smoke tests run, and how soon a page must have loaded."""

    retries: Annotated[int, Field(ge=0, le=3)] = Field(
        0,
        description="times that a failed smoke test is tried again; one that passes "
        "then is told as flaky wherever the verdict is",
    )
    timeout_s: Seconds = Field(
        120,
        description="seconds that the function of a smoke test may take; one that "
        "hangs fails then",
    )
    slow_ms: Milliseconds = Field(
        1000, description="requests of a failed test that took longer count as slow"
    )
    pages_ms: dict[UrlPath, Milliseconds] = Field(
        default_factory=dict,
        description='limits for pages to load in a browser, such as { "/" = 1500 }',
    )
    page_samples: Count = Field(
        5, description="times that each is loaded; the median is judged"
    )
