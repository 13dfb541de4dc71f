"""What load is sent, and what its answers must hold."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from release.settings.model.table import Table
from release.settings.model.values import (
    Count,
    EndpointName,
    HostPort,
    Milliseconds,
    Pause,
    Rate,
    Ratio,
    Seconds,
)

PERCENTILE = re.compile(r"p(?P<whole>\d{1,2})(_(?P<tenths>\d+))?_ms")


def _threshold_name(name: str) -> str:
    if not PERCENTILE.fullmatch(name):
        raise ValueError("no such threshold")
    return name


class Thresholds(Table):
    """Limits for one endpoint; a limit left out is not judged.

    Any other percentile may be given too, such as ``p75_ms`` or ``p99_9_ms``.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[
        Annotated[str, AfterValidator(_threshold_name)], Milliseconds
    ] = Field(init=False)

    mean_ms: Milliseconds | None = Field(None, description="mean")
    p50_ms: Milliseconds | None = Field(None, description="median")
    p90_ms: Milliseconds | None = Field(None, description="90th percentile")
    p95_ms: Milliseconds | None = Field(None, description="95th percentile")
    p99_ms: Milliseconds | None = Field(None, description="99th percentile")
    max_ms: Milliseconds | None = Field(None, description="longest single response")
    error_ratio: Ratio | None = Field(None, description="failed share of the requests")
    min_rate: Rate | None = Field(None, description="least requests a second")
    min_samples: Count | None = Field(
        None,
        description="least requests measured; with fewer, no limit of the endpoint "
        "passes",
    )
    abort: list[str] = Field(
        default_factory=list,
        description="limits of this endpoint that end the load early once they "
        "cannot hold any more",
    )

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not self.limits() and not self.abort:
            raise ValueError(
                "limits nothing: give a limit, such as p95_ms, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _abort_names_limits(self) -> Self:
        for name in self.abort:
            if name not in self.limits() or name == "min_samples":
                raise ValueError(
                    f"abort names {name}, which is no limit here that could be lost; "
                    "give its limit, or leave it out of abort"
                )
        return self

    def limits(self) -> dict[str, float]:
        """Return what is limited, by name: percentiles first, rising."""
        given: dict[str, float] = self.model_dump(exclude_none=True, exclude={"abort"})
        percentiles = sorted((n for n in given if percentile(n)), key=_by_percentile)
        rest = [n for n in type(self).model_fields if n in given and not percentile(n)]
        return {name: given[name] for name in (*percentiles, *rest)}


def percentile(name: str) -> float | None:
    """Return the percentile that a threshold's name means: ``p99_9_ms`` is 99.9.

    None when it names none.
    """
    found = PERCENTILE.fullmatch(name)
    if not found:
        return None
    return float(f"{found['whole']}.{found['tenths'] or 0}")


def _by_percentile(name: str) -> float:
    return percentile(name) or 0.0


class Regression(Table):
    """Whether this build answers slower than earlier ones under the same load."""

    judged: bool = Field(
        default=False,
        description="whether a slower build fails; if not, the change is shown only",
    )
    builds: Count = Field(
        5, description="earlier builds to compare with: the last so many that passed"
    )
    least_builds: Annotated[int, Field(ge=2)] = Field(
        3, description="earlier builds without which there is no baseline yet"
    )
    effect_ratio: Annotated[float, Field(gt=0)] = Field(
        0.1, description="change of p50 or p95 that matters, as a share"
    )
    least_ms: Pause = Field(
        5, description="milliseconds that the change must exceed as well"
    )


class Canary(Table):
    """Whether the first upgraded instance is compared with an old one beside it.

    With the table ``[env.NAME.canary]``, even an empty one, it is.
    """

    enabled: bool = Field(
        default=True, description="with the table [env.NAME.canary]; else false"
    )
    users: Count = Field(
        10, description="simulated users, each of whom asks both instances"
    )
    warmup_s: Pause = Field(5, description="seconds before pairs count")
    block_s: Seconds = Field(1, description="seconds whose pairs make one block")
    least_s: Seconds = Field(
        20, description="seconds before the first look; each later by half"
    )
    most_s: Seconds = Field(
        60, description="seconds after which what is unclear is inconclusive"
    )
    effect_ratio: Annotated[float, Field(gt=0)] = Field(
        0.1, description="change of response times that matters, as a share"
    )
    error_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.02, description="share of failures more than the old build's that matters"
    )


class Workers(Table):
    """Workers on other machines, who send the load in place of this one."""

    expect: Annotated[int, Field(ge=0)] = Field(
        0,
        description="workers that the load waits for, started with python -m release "
        "load-worker; 0: this machine sends it",
    )
    bind: HostPort = Field(
        "127.0.0.1:5557",
        description="address of this machine that they connect to, with or without "
        "its port; nobody else must reach it",
    )
    wait_s: Seconds = Field(300, description="seconds that they have to come")
    least_ratio: Ratio = Field(
        0.75,
        description="share of the workers that must stay to the end; with fewer, the "
        "load is inconclusive",
    )


class Load(Table):
    """What load is sent, and what it must not exceed."""

    locustfile: str = Field(
        "tests/load/locustfile.py",
        description="a plain Locust file, from the folder of release.toml",
    )
    model: Literal["closed", "open"] = Field(
        "closed",
        description="closed: users who wait for each answer; open: tasks that arrive "
        "at a rate, whether earlier ones have ended or not",
    )
    users: Count = Field(
        10,
        description="simulated users; in the open model, those made beforehand",
    )
    spawn_rate: Rate = Field(10, description="users started a second")
    rate: Rate | None = Field(
        None, description="tasks that arrive a second, in the open model"
    )
    arrivals: Literal["poisson", "constant"] = Field(
        "poisson", description="how they arrive: by chance, or evenly"
    )
    most_under_way: Count = Field(
        1000,
        description="arrivals that may be under way at once; those beyond it count "
        "as failed",
    )
    processes: Count = Field(
        1,
        description="Locust processes that share the load, on this machine or on each "
        "worker's",
    )
    workers: Workers = Field(default=Workers(), description="see workers")
    time_s: Seconds = Field(60, description="seconds measured, after the warm-up")
    warmup_s: Pause = Field(
        10, description="seconds before measuring starts, left out of every figure"
    )
    regression: Regression = Field(default=Regression(), description="see regression")
    thresholds: dict[EndpointName, Thresholds] = Field(
        default_factory=dict,
        description='limits by endpoint, such as "GET /"; "*" is all together, '
        '"GET /api/*" those that match',
    )

    @model_validator(mode="after")
    def _open_has_a_rate(self) -> Self:
        if self.model == "open" and self.rate is None:
            raise ValueError('model = "open" needs rate, the arrivals a second')
        return self
