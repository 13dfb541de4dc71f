"""Is there room for a release, and the right to make one? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from release.azure.permissions import WRITE_VERSION, Missing, Place
from release.preflight.findings import Finding, Severity
from release.preflight.machines import severity
from release.preflight.plan import Plan
from release.preflight.seen import REGISTERED, Account, Promoted, Subnet, Usage
from release.preflight.what_if import WhatIf, short

PUBLIC_ADDRESS = "Microsoft.Network/publicIPAddresses"
ADDRESS_QUOTAS = (
    "ipv4standardskupublicipaddresses",
    "standardskupublicipaddresses",
    "publicipaddresses",
)
"""Quotas that a Standard public address counts against; not all regions tell all."""
LONGEST_GROUP = 90
LONGEST_DEPLOYMENT = 64


def rights(
    plan: Plan, missing: Iterable[Missing] | None, promoted: Promoted | None
) -> Iterator[Finding]:
    """Tell what the principal may not do.

    An image of another environment that is in the region need only be read: it then
    bears no mark of having passed here too.
    """
    there = promoted is not None and promoted.usable(plan.env.location)
    for one in missing or ():
        marks = one.place is Place.SOURCE and one.actions == (WRITE_VERSION,)
        first, *rest = one.actions
        more = f" and {len(rest)} more" if rest else ""
        yield Finding(
            what="missing role",
            where=f"{one.place} {one.scope}",
            limit=one.role,
            actual=f"{first}{more} not allowed",
            fix=one.fix,
            severity=Severity.WARNS if marks and there else Severity.STOPS,
        )


def providers(states: Mapping[str, str] | None) -> Iterator[Finding]:
    """See that the resource providers are registered."""
    for namespace, state in (states or {}).items():
        if state != REGISTERED:
            yield Finding(
                what="resource provider",
                where=namespace,
                limit=REGISTERED,
                actual=state,
                fix=f"az provider register --namespace {namespace} --wait",
            )


def public_addresses(
    plan: Plan, usages: Mapping[str, Usage] | None, what_if: WhatIf | None
) -> Iterator[Finding]:
    """See that the public addresses of builder and site may be had."""
    needed = sum(
        resource["type"] == PUBLIC_ADDRESS
        for body in plan.others
        for resource in body["resources"]
    )
    needed += what_if.created(PUBLIC_ADDRESS) if what_if else 0
    for name in ADDRESS_QUOTAS:
        usage = (usages or {}).get(name)
        if usage is not None and usage.used + needed > usage.limit:
            yield Finding(
                what="public addresses",
                where=f"{usage.text} in {plan.env.location}",
                limit=str(usage.limit),
                actual=f"{usage.used} used, {needed} more needed",
                fix="ask for more quota (portal: Quotas), or delete addresses that "
                "are not needed",
            )
            return


def subnet(plan: Plan, found: Subnet | None) -> Iterator[Finding]:
    """See that new instances find addresses in the subnet."""
    needed = plan.new_instances + plan.surge
    if found is not None and needed and 0 <= found.limit < found.used + needed:
        yield Finding(
            what="subnet addresses",
            where=short(found.id),
            limit=str(found.limit),
            actual=f"{found.used} used, {needed} more needed",
            fix="make the subnet larger, free addresses in it, or run fewer instances",
            severity=severity(plan, found.limit - found.used - needed, plan.surge),
        )


def account(plan: Plan, found: Account | None) -> Iterator[Finding]:
    """See that the storage account can be used."""
    if found is None:
        return
    if found.refused:
        yield Finding(
            what="storage account",
            where=found.name,
            limit=f"an account in {plan.env.image_resource_group}, or a free name",
            actual=found.refused.rstrip("."),
            fix="set storage_account in release.toml to another name: names of "
            "storage accounts are unique in all of Azure",
        )
    if found.firewall:
        yield Finding(
            what="storage account",
            where=found.name,
            limit="open to this machine and the builder",
            actual="its firewall refuses networks that it does not name",
            fix="see that both networks are named in it",
            severity=Severity.WARNS,
        )


def names(plan: Plan) -> Iterator[Finding]:
    """See that the names that a release makes up are not too long for Azure."""
    for what, name, longest in (
        ("builder's group", f"release-{plan.environment}-{plan.build}", LONGEST_GROUP),
        ("deployment", f"gallery-{plan.build}", LONGEST_DEPLOYMENT),
    ):
        if len(name) > longest:
            yield Finding(
                what="name",
                where=f"{what} {name}",
                limit=f"{longest} characters",
                actual=f"{len(name)} characters",
                fix="give the environment a shorter name in release.toml",
            )
