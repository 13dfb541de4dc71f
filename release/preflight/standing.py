"""Is what is there in a state to be released to? Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from release.azure.promotion import FIX, counted
from release.errors import ReleaseError
from release.preflight.findings import Finding, Severity
from release.preflight.plan import Plan
from release.preflight.seen import COMPLETED, UNIFORM, Promoted, ScaleSet
from release.preflight.what_if import WhatIf

WARNS = Severity.WARNS
CALM = ("Succeeded", "")


def lock(plan: Plan, holder: str | None) -> Iterator[Finding]:
    """See that nobody else releases here."""
    if holder:
        yield Finding(
            what="release lock",
            where=f"environment {plan.environment}",
            limit="free",
            actual=f"held by {holder}",
            fix="wait for that release to end",
        )


def previous(plan: Plan, running: Sequence[str] | None) -> Iterator[Finding]:
    """See that the release before has come to its end."""
    for build in plan.unfinished:
        yield Finding(
            what="previous release",
            where=f"build {build}",
            limit="finished",
            actual="it was killed",
            fix="nothing: the next release first puts right what it left",
            severity=WARNS,
        )
    if plan.unproved:
        yield Finding(
            what="previous release",
            where=f"build {plan.unproved}, which {plan.env.scale_set} runs",
            limit="passed",
            actual="it never did",
            fix="nothing: a rollback would go back to the last build that passed",
            severity=WARNS,
        )
    for name in running or ():
        yield Finding(
            what="deployment",
            where=f"{plan.env.resource_group}/{name}",
            limit="ended",
            actual="it is still running",
            fix="wait for it: requests that collide with it are sent again for a "
            f"while; or az deployment group cancel --resource-group "
            f"{plan.env.resource_group} --name {name}",
            severity=WARNS,
        )


def scale_set(plan: Plan, found: ScaleSet | None) -> Iterator[Finding]:
    """See that the scale set can be released to."""
    if found is None:
        return
    where = f"scale set {found.name}"
    if found.mode != UNIFORM:
        yield Finding(
            what="orchestration mode",
            where=where,
            limit=UNIFORM,
            actual=found.mode,
            fix="name another scale_set in release.toml: the mode of one that exists "
            "cannot be changed",
        )
    if found.location != plan.env.location:
        yield Finding(
            what="location",
            where=where,
            limit=plan.env.location,
            actual=found.location,
            fix=f'set location = "{found.location}" in release.toml',
        )
    yield from _state(found, where)
    if found.policy == "Automatic":
        yield Finding(
            what="upgrade policy",
            where=where,
            limit="Manual or Rolling",
            actual=f"{found.policy}: a change of the model takes down all instances",
            fix="nothing: this release sets it to Manual",
            severity=WARNS,
        )
    if plan.protected:
        yield Finding(
            what="protected instances",
            where=f"{where}: {', '.join(plan.protected)}",
            limit="none",
            actual="protected from upgrades, as from all that a scale set does",
            fix=f"lift it, with the instance's ID: az vmss update -g "
            f"{plan.env.resource_group} -n {found.name} --instance-id ID "
            "--protect-from-scale-set-actions false",
        )


def _state(found: ScaleSet, where: str) -> Iterator[Finding]:
    if found.state == "Deleting":
        yield Finding(
            what="state",
            where=where,
            limit="there to stay",
            actual="it is being deleted",
            fix="wait until it is gone: the next release makes it again",
        )
    elif found.state not in CALM:
        yield Finding(
            what="state",
            where=where,
            limit="Succeeded",
            actual=found.state,
            fix="look at its activity log: another operation is at work, or the last "
            "one failed; requests that collide are sent again for a while",
            severity=WARNS,
        )


def promotion(plan: Plan, found: Promoted | None) -> Iterator[Finding]:
    """See that an image passed where the one to release comes from, and can come."""
    if plan.source is None or found is None:
        return
    env, name = plan.source.env, plan.source.environment
    where = f"{env.gallery}/{env.image_definition}"
    if not found.version:
        yield Finding(
            what="image to release",
            where=where,
            limit=f"one that passed in {name}",
            actual=counted(found.others),
            fix=FIX.format(name),
        )
    elif found.states.get(plan.env.location) == "Failed":
        yield Finding(
            what="image to release",
            where=f"{where}/{found.version}",
            limit=f"replicated to {plan.env.location}",
            actual="its replication there has failed",
            fix="look at the version's replication status in the portal, and have it "
            f"replicated there again; or release to {name} anew: pytest --env {name}",
        )


def image(plan: Plan, found: Promoted | None) -> str:
    """Say which image is to be released, as far as it is known; "" where it is not."""
    if plan.source is None:
        where = f"{plan.env.gallery}/{plan.env.image_definition}"
        return f"baked, unless {where} has one of the same recipe"
    if found is None or not found.version:
        return ""
    env, name = plan.source.env, plan.source.environment
    state, place = found.states.get(plan.env.location), plan.env.location
    arrival = {
        COMPLETED: f"is in {place} already",
        None: f"is to be replicated to {place} first",
    }
    return (
        f"{found.version} of {env.gallery}/{env.image_definition}, baked by build "
        f"{found.build}, passed in {name} with its build {found.passed}; it "
        + arrival.get(state, f"is on its way to {place}: {state}")
    )


def template(plan: Plan, error: ReleaseError | None) -> Iterator[Finding]:
    """See that Azure would accept the deployment."""
    if error is not None:
        yield Finding(
            what="template",
            where=f"deployment to {plan.env.resource_group}",
            limit="accepted by Azure",
            actual=error.what,
            fix=error.fix,
        )


def deletions(plan: Plan, what_if: WhatIf | None) -> Iterator[Finding]:
    """See that the deployment deletes nothing that it may not."""
    if what_if is None:
        return
    for name in what_if.deletions(plan.env.preflight.allow_deletes):
        yield Finding(
            what="deletion",
            where=name,
            limit="none that preflight.allow_deletes does not name",
            actual="the template does not have it, so its deployment would delete it",
            fix="add it to the template, or allow this: "
            f"preflight.allow_deletes = {json.dumps([name])}",
        )
