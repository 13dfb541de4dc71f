"""Resource providers, one module each; here is the list of them."""

from collections.abc import Awaitable, Callable

from release.emulator.cloud import Cloud
from release.emulator.kinds import Kind, Route
from release.emulator.resources import (
    compute,
    deployments,
    groups,
    identity,
    insights,
    locks,
    network,
    providers,
    storage,
    subscriptions,
    tag_names,
    tags,
    unfinished,
)

_PROVIDERS = (
    subscriptions,
    providers,
    groups,
    tags,
    tag_names,
    deployments,
    storage,
    network,
    compute,
    identity,
    locks,
    insights,
)

KINDS: tuple[Kind, ...] = tuple(k for provider in _PROVIDERS for k in provider.KINDS)
ROUTES: tuple[Route, ...] = tuple(r for provider in _PROVIDERS for r in provider.ROUTES)
RESTORE: tuple[Callable[[Cloud], Awaitable[None]], ...] = (
    deployments.restore,
    unfinished.restore,
    compute.restore,
    network.restore,
)
"""What brings states, machines and balancers back after a restart, in this order."""
