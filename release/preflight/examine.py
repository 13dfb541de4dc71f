"""The preflight: all questions at once, then all judgements."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from release.azure.clients import Azure
from release.azure.permissions import Missing, missing
from release.preflight import machines, read, standing, surroundings
from release.preflight.findings import Finding, Preflight, ordered
from release.preflight.plan import Plan
from release.preflight.reads import Answer, Reads, refused
from release.preflight.seen import REGISTERED, Promoted
from release.preflight.what_if import WhatIf

T = TypeVar("T")
Registration = Future[Answer[dict[str, str]]]


def examine(azure: Azure, plan: Plan) -> Preflight:
    """Ask Azure all that decides whether a release can succeed; change nothing.

    Args:
        azure: Who asks, and where.
        plan: What the release is about to do.
    """
    started_s = time.monotonic()
    azure.prepare()
    with Reads() as reads:
        findings, what_if, promoted = _judged(azure, plan, reads)
    return Preflight(
        findings=ordered(findings),
        what_if=what_if,
        image=standing.image(plan, promoted),
        duration_s=time.monotonic() - started_s,
    )


def _judged(
    azure: Azure, plan: Plan, reads: Reads
) -> tuple[list[Finding], WhatIf | None, Promoted | None]:
    def ask(question: Callable[[Azure, Plan], T]) -> Future[Answer[T]]:
        return reads.ask(partial(question, azure, plan))

    registration = ask(read.providers)
    rehearsed = reads.ask(lambda: _rehearse(azure, plan, registration))
    # The longer ones first: Azure lists hundreds of sizes.
    asked_sizes, asked_cores = ask(read.sizes), ask(read.cores)
    asked_rights, asked_base = ask(_rights), ask(read.base)
    asked_set, asked_account = ask(read.scale_set), ask(read.account)
    asked_addresses, asked_subnet = ask(read.addresses), ask(read.subnet)
    asked_definition, asked_running = ask(read.definition), ask(read.deployments)

    asked_lock, asked_image = ask(read.holder), ask(read.promoted)

    told = reads.told
    sizes, base = told("VM sizes", asked_sizes), told("the base image", asked_base)
    rehearsal = rehearsed.result()
    no = rehearsal.error if refused(rehearsal.error) else None
    what_if = rehearsal.value if no else told("what-if", rehearsed)
    network = told("network quotas", asked_addresses)
    promoted = told("the image to release", asked_image)
    return (
        [
            *standing.lock(plan, told("the release lock", asked_lock)),
            *surroundings.rights(plan, told("permissions", asked_rights), promoted),
            *surroundings.providers(told("resource providers", registration)),
            *standing.promotion(plan, promoted),
            *standing.template(plan, no),
            *standing.deletions(plan, what_if),
            *standing.scale_set(plan, told("the scale set", asked_set)),
            *standing.previous(plan, told("deployments", asked_running)),
            *machines.offered(plan, sizes),
            *machines.quotas(plan, sizes, told("core quotas", asked_cores)),
            *machines.fits(
                plan, sizes, told("the image definition", asked_definition), base
            ),
            *surroundings.public_addresses(plan, network, what_if),
            *surroundings.subnet(plan, told("the subnet", asked_subnet)),
            *surroundings.account(plan, told("the storage account", asked_account)),
            *surroundings.names(plan),
            *reads.unread,
        ],
        what_if,
        promoted,
    )


def _rights(azure: Azure, plan: Plan) -> list[Missing]:
    return missing(azure, plan.env, source=plan.source_group)


def _rehearse(azure: Azure, plan: Plan, registration: Registration) -> WhatIf | None:
    """Rehearse the deployment; None where a provider is not registered.

    The SDK would register it, which is a change, and wait for that.
    """
    states = registration.result().value or {}
    if any(state != REGISTERED for state in states.values()):
        return None
    return read.what_if(azure, plan)
