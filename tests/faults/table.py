"""What goes wrong, where, and what a release makes of it: the table as data.

`said` is a line of the release's progress that must be there; `reason` is the whole
reason of a verdict that is not passed. Both may name the build as ``{build}``, its
temporary group as ``{group}``, the build before as ``{before}`` and the subscription
as ``{subscription}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COMPUTE = "Microsoft.Compute"
SET = f"{COMPUTE}/virtualMachineScaleSets"
MACHINE = f"{COMPUTE}/virtualMachines"
VERSION = f"{COMPUTE}/galleries/images/versions"
PREEMPTED = {"code": "OperationPreempted", "message": "A later operation took over."}
INSIDE = {"code": "InternalExecutionError", "message": "An internal error occurred."}
Raw = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault, and how a release with it ends.

    Attributes:
        name: What happens.
        where: At which call or in which stage.
        faults: What the embedded Azure is asked for.
        struck: How often they strike in all; 0: at least once.
        said: Progress that the release tells of it.
        reason: Why it failed; "" where it passes all the same.
        fix: What the stage that failed advises, whole.
        usage: What it says where it ends before it has begun.
        options: Further options of the release.
        lifted_at: The faults are lifted once this is printed.
        frozen_at: The embedded Azure stands still for 3 s once this is printed.
        behaviour: Of the service, beside its title.
        leaves: Whether something is left that only `clean` takes away.
        mends: Whether what ran before is back afterwards.
    """

    name: str
    where: str
    faults: tuple[Raw, ...] = ()
    struck: int = 0
    said: str = ""
    reason: str = ""
    fix: str = ""
    usage: str = ""
    options: tuple[str, ...] = ()
    lifted_at: str = ""
    frozen_at: str = ""
    behaviour: Raw = field(default_factory=dict)
    leaves: bool = False
    mends: bool = True


def throttled(path: str, **more: Any) -> Raw:
    return {"kind": "throttled", "path": path, **more}


def refused(path: str, status: int, code: str, message: str, **more: Any) -> Raw:
    return {
        "kind": "refused",
        "path": path,
        "status": status,
        "code": code,
        "message": message,
        **more,
    }


def fails(kind: str, code: str, message: str, **more: Any) -> Raw:
    return {"kind": "fails", "type": kind, "code": code, "message": message, **more}


SURVIVED = (
    Case(
        name="tokens are not to be had for a moment",
        where="token",
        faults=(
            refused(
                "*/oauth2/v2.0/token", 503, "temporarily_unavailable", "Try later."
            ),
        ),
        struck=1,
    ),
    Case(
        name="throttled, in seconds",
        where="create the builder's group",
        faults=(throttled("*/resourcegroups/release-local-*", method="PUT"),),
        struck=1,
        said="throttled by Azure: waiting 1 s (1 of 10), creating resource group {group}",
    ),
    Case(
        name="throttled, until a date",
        where="validate the template",
        faults=(throttled("*/validate", retry_after_as="date", retry_after_s=2),),
        struck=1,
        said=", validating tiny-local/release-{build}",
    ),
    Case(
        name="throttled, in milliseconds",
        where="list images",
        faults=(
            throttled(
                "*/galleries/*/versions", method="GET", retry_after_as="milliseconds"
            ),
        ),
        struck=1,
        said="throttled by Azure: waiting 1 s (1 of 10), listing images of tiny",
    ),
    Case(
        name="throttled for long, without Retry-After",
        where="list instances",
        faults=(
            throttled(
                "*/virtualMachineScaleSets/tiny/virtualMachines",
                retry_after_as="none",
                times=4,
            ),
        ),
        struck=4,
        said="throttled by Azure: waiting 0.8 s (4 of 10), listing instances of tiny",
    ),
    Case(
        name="a poll is throttled",
        where="status of an operation",
        faults=(throttled("*/operations/*", times=2),),
        struck=2,
        said="throttled by Azure: waiting 1 s (1 of 10), GET status of an operation",
    ),
    Case(
        name="no room for the builder's size",
        where="builder machine",
        faults=({"kind": "allocation", "type": f"{MACHINE}/write"},),
        struck=1,
        options=("--set", "builder_sizes=['Standard_D2s_v5']"),
        said="AllocationFailed: the builder may be Standard_D2s_v5 too",
    ),
    Case(
        name="failed inside",
        where="builder machine",
        faults=(fails(f"{MACHINE}/write", **INSIDE),),
        struck=1,
        said="InternalExecutionError at Azure: waiting 0.1 s (1 of 10), deploying "
        "{group}/builder-{build}-Standard_B2s",
    ),
    Case(
        name="storage is busy",
        where="send the payload",
        faults=(throttled("*/release/payload/*", method="PUT", times=2),),
        struck=2,
        said="ServerBusy at Azure: waiting 1 s (1 of 10), storing {account}/release/payload/{payload}",
    ),
    Case(
        name="storage is busy",
        where="read the bake's log",
        faults=(throttled("*/release/log/*", method="GET"),),
        struck=1,
        said="ServerBusy at Azure: waiting 1 s (1 of 10), reading log/{build}.txt",
    ),
    Case(
        name="storage is busy",
        where="take the release lock",
        faults=(throttled("*/release/lock/*", method="PUT"),),
        struck=1,
    ),
    Case(
        name="the answer never comes",
        where="begin the run command",
        faults=({"kind": "reset", "method": "PUT", "path": "*/runCommands/*"},),
        struck=1,
        said="waiting for end of provisioning {group}/builder: Creating",
    ),
    Case(
        name="conflict",
        where="deallocate the builder",
        faults=({"kind": "conflict", "type": f"{MACHINE}/deallocate/action"},),
        struck=1,
        said="Conflict at Azure: waiting 0.1 s (1 of 10), deallocating {group}/builder",
    ),
    Case(
        name="preempted",
        where="deallocate the builder",
        faults=(fails(f"{MACHINE}/deallocate/action", **PREEMPTED),),
        struck=1,
        said="OperationPreempted at Azure: waiting 0.1 s (1 of 10), deallocating "
        "{group}/builder",
    ),
    Case(
        name="broken inside, a POST",
        where="generalize the builder",
        faults=(refused("*/generalize", 500, "InternalServerError", "It broke."),),
        struck=1,
        said="InternalServerError at Azure: waiting 0.1 s (1 of 10), generalizing "
        "{group}/builder",
    ),
    Case(
        name="the answer never comes, a POST",
        where="generalize the builder",
        faults=({"kind": "reset", "path": "*/generalize"},),
        struck=1,
        said="CutOff at Azure: waiting 0.1 s (1 of 10), generalizing {group}/builder",
    ),
    Case(
        name="failed inside",
        where="publish the image",
        faults=(fails(f"{VERSION}/write", **INSIDE),),
        struck=1,
        said="InternalExecutionError at Azure: waiting 0.1 s (1 of 10), publishing "
        "image tiny/tiny/{build}",
    ),
    Case(
        name="replication lags by 2 s",
        where="publish the image",
        faults=({"kind": "replication-lags", "seconds": 2},),
        struck=1,
        said="waiting for replication of image {build} to westeurope: Replicating",
    ),
    Case(
        name="conflict",
        where="delete the builder's group",
        faults=({"kind": "conflict", "path": "*/release-local-*", "type": "*/delete"},),
        struck=1,
        said="Conflict at Azure: waiting 0.1 s (1 of 10), deleting resource group {group}",
    ),
    Case(
        name="failed inside, after it was accepted",
        where="delete the builder's group",
        faults=(fails("*/delete", path="*/release-local-*", **INSIDE),),
        struck=1,
        said="{group} was not deleted: Azure says failed; `clean` tries again",
        leaves=True,
    ),
    Case(
        name="the answer never comes",
        where="begin the deployment",
        faults=(
            {"kind": "reset", "method": "PUT", "path": "*/tiny-local/*/release-*"},
        ),
        struck=1,
        said="no answer of Azure: waiting 0.1 s (1 of 10), deploying tiny-local/release-{build}",
    ),
    Case(
        name="conflict, inside a deployment",
        where="change the scale set",
        faults=({"kind": "conflict", "type": f"{SET}/write"},),
        struck=1,
        said="Conflict at Azure: waiting 0.1 s (1 of 10), deploying "
        "tiny-local/release-{build}",
    ),
    Case(
        name="preempted, inside a deployment",
        where="change the scale set",
        faults=(fails(f"{SET}/write", **PREEMPTED),),
        struck=1,
        said="OperationPreempted at Azure: waiting 0.1 s (1 of 10), deploying "
        "tiny-local/release-{build}",
    ),
    Case(
        name="throttled by compute",
        where="upgrade an instance",
        faults=(throttled("*/manualupgrade"),),
        struck=1,
        said="throttled by Azure: waiting 1 s (1 of 10), upgrading tiny000000",
    ),
    Case(
        name="preempted",
        where="upgrade an instance",
        faults=(fails(f"{SET}/manualupgrade/action", **PREEMPTED),),
        struck=1,
        said="OperationPreempted at Azure: waiting 0.1 s (1 of 10), upgrading "
        "tiny000000",
    ),
    Case(
        name="the answer never comes, a POST",
        where="upgrade an instance",
        faults=({"kind": "reset", "path": "*/manualupgrade"},),
        struck=1,
        said="CutOff at Azure: waiting 0.1 s (1 of 10), upgrading tiny000000",
    ),
    Case(
        name="the command is refused",
        where="drain an instance",
        faults=(
            refused(
                "*/runCommand", 409, "OperationNotAllowed", "The agent is not ready."
            ),
        ),
        struck=1,
        said="tiny000000 is not drained: running a command on tiny000000 failed: "
        "OperationNotAllowed: The agent is not ready.",
    ),
    Case(
        name="broken, HTTP 500 without a code",
        where="read the scale set",
        faults=(
            refused(
                "*/virtualMachineScaleSets/tiny", 500, "Broken", "Oops.", method="GET"
            ),
        ),
        struck=1,
        said=", reading scale set tiny",
    ),
    Case(
        name="answers come 3 s late",
        where="read the scale set",
        faults=(
            {
                "kind": "late",
                "method": "GET",
                "path": "*/virtualMachineScaleSets/tiny",
                "seconds": 3,
            },
        ),
        struck=1,
    ),
    Case(
        name="nothing answers for 3 s",
        where="deploy",
        frozen_at="batch 1 of 2",
    ),
    Case(
        name="throttled",
        where="tag the scale set as passed",
        faults=(throttled("*/virtualMachineScaleSets/tiny", method="PATCH", times=2),),
        struck=2,
        said="throttled by Azure: waiting 1 s (2 of 10), tagging tiny",
    ),
    Case(
        name="conflict",
        where="tag the image as passed",
        faults=({"kind": "conflict", "path": "*/galleries/*", "times": 2},),
        struck=2,
    ),
)

FATAL = (
    Case(
        name="the secret has expired",
        where="token",
        faults=(
            refused(
                "*/oauth2/v2.0/token",
                401,
                "invalid_client",
                "AADSTS7000222: The provided client secret keys are expired.",
                times=None,
            ),
        ),
        usage="looking for account {account} failed: signing in was refused: Authentication failed: AADSTS7000222: The provided client secret keys are expired.\n"
        "  fix: make a new secret for the application, and set ARM_CLIENT_SECRET",
    ),
    Case(
        name="no role",
        where="list resource groups",
        faults=(
            refused(
                "*/resourcegroups",
                403,
                "AuthorizationFailed",
                "The client 'c' with object id 'o' does not have authorization to "
                "perform action 'Microsoft.Resources/subscriptions/resourceGroups/"
                "read' over scope '/subscriptions/s'.",
            ),
        ),
        struck=1,
        usage="listing resource groups failed: AuthorizationFailed: The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '/subscriptions/s'.\n"
        "  fix: grant the role Contributor on the resource group to the principal that releases, and Storage Blob Data Contributor on the storage account; the action that it lacks is Microsoft.Resources/subscriptions/resourceGroups/read on /subscriptions/s",
    ),
    Case(
        name="a policy forbids it",
        where="create the builder's group",
        faults=(
            refused(
                "*/resourcegroups/release-local-*",
                403,
                "RequestDisallowedByPolicy",
                "Resource 'g' was disallowed by policy.",
                method="PUT",
            ),
        ),
        struck=1,
        reason="bake: creating resource group {group} failed: RequestDisallowedByPolicy: Resource 'g' was disallowed by policy.",
        fix="ask who owns the subscription's policies",
    ),
    Case(
        name="a conflict that stays",
        where="create the builder's group",
        faults=(
            refused(
                "*/resourcegroups/release-local-*",
                409,
                "Conflict",
                "The group is busy.",
                method="PUT",
                times=None,
            ),
        ),
        struck=11,
        reason="bake: creating resource group {group} failed: Conflict: The group is busy. (given up after 11 tries)",
        fix="wait until the other operation ends, then release again",
    ),
    Case(
        name="Retry-After is longer than patience",
        where="create the builder's group",
        faults=(
            throttled(
                "*/resourcegroups/release-local-*", method="PUT", retry_after_s=3000
            ),
        ),
        struck=1,
        reason="bake: creating resource group {group} failed: SubscriptionRequestsThrottled: The request for this subscription exceeded the limit. Please try again after '3000' seconds. (given up after 1 try: 3,000 s more to wait, and 600 of the stage's 600 s are left)",
        fix="release again later: too many requests of this principal",
    ),
    Case(
        name="no room for any size",
        where="builder machine",
        faults=({"kind": "allocation", "type": f"{MACHINE}/write", "times": None},),
        options=("--set", "builder_sizes=['Standard_D2s_v5']"),
        struck=2,
        reason="bake: deploying {group}/builder-{build}-Standard_D2s_v5: Microsoft.Compute/virtualMachines builder failed: AllocationFailed: Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
        fix="choose another instance_size or location in release.toml, or try again later: the region has no room for this size now",
    ),
    Case(
        name="the quota is used up",
        where="builder machine",
        faults=({"kind": "quota", "type": f"{MACHINE}/write"},),
        struck=1,
        reason="bake: deploying {group}/builder-{build}-Standard_B2s: Microsoft.Compute/virtualMachines builder failed: OperationNotAllowed: Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 10, Additional Required: 2, (Minimum) New Limit Required: 12.",
        fix="ask for more quota (portal: Quotas), remove machines that are not needed, or choose a smaller instance_size: the limit is 10, 10 are in use, 2 more are needed, so ask for at least 12",
    ),
    Case(
        name="the machine does not report that it started",
        where="builder machine",
        faults=(
            fails(f"{MACHINE}/write", "OSProvisioningTimedOut", "It did not finish."),
        ),
        struck=1,
        reason="bake: deploying {group}/builder-{build}-Standard_B2s: Microsoft.Compute/virtualMachines builder failed: OSProvisioningTimedOut: It did not finish.",
        fix="the image does not boot as a generalized one: its last step must be waagent -deprovision+user",
    ),
    Case(
        name="failed inside, again and again",
        where="builder machine",
        faults=(fails(f"{MACHINE}/write", times=None, **INSIDE),),
        struck=11,
        reason="bake: deploying {group}/builder-{build}-Standard_B2s: Microsoft.Compute/virtualMachines builder failed: InternalExecutionError: An internal error occurred. (given up after 11 tries)",
        fix="release again; Azure names no cause of its own",
    ),
    Case(
        name="no role for blobs",
        where="send the payload",
        faults=(
            refused(
                "*/release/payload/*",
                403,
                "AuthorizationPermissionMismatch",
                "Ask for Storage Blob Data Contributor.",
                method="PUT",
            ),
        ),
        struck=1,
        reason="bake: storing {account}/release/payload/{payload} failed: AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this permission. Ask for Storage Blob Data Contributor.",
        fix="grant the role Contributor on the resource group to the principal that releases, and Storage Blob Data Contributor on the storage account",
    ),
    Case(
        name="the operation fails",
        where="run command",
        faults=(
            fails(
                f"{MACHINE}/runCommands/write",
                "VMExtensionProvisioningError",
                "The handler reported an error.",
            ),
        ),
        struck=1,
        reason="bake: provisioning {group}/builder failed: VMExtensionProvisioningError: The handler reported an error.",
        fix="read the extension's message: the machine's agent reported it",
    ),
    Case(
        name="the operation hangs",
        where="run command",
        faults=({"kind": "hangs", "type": f"{MACHINE}/runCommands/write"},),
        options=("--set", "bake_timeout_s=4"),
        struck=1,
        reason="bake: no end of provisioning {group}/builder: waited 8 s, last seen in progress",
        fix="look at the resource group's activity log; it may still finish",
    ),
    Case(
        name="a state that forbids it",
        where="generalize the builder",
        faults=(
            refused(
                "*/generalize", 409, "OperationNotAllowed", "The VM is not stopped."
            ),
        ),
        struck=1,
        reason="bake: generalizing {group}/builder failed: OperationNotAllowed: The VM is not stopped.",
        fix="mend what the message names",
    ),
    Case(
        name="the version cannot be made",
        where="publish the image",
        faults=(
            fails(f"{VERSION}/write", "InvalidParameter", "The disk cannot be read."),
        ),
        struck=1,
        reason="bake: publishing image tiny/tiny/{build} failed: InvalidParameter: The disk cannot be read.",
        fix="mend the value that the message names",
    ),
    Case(
        name="it never gets there",
        where="replicate the image",
        faults=({"kind": "replication-lags", "seconds": None},),
        options=("--set", "bake_timeout_s=4"),
        struck=1,
        reason="bake: no replication of image {build} to westeurope: waited 4 s, last seen Replicating",
        fix="look at the version's replication status in the portal; raise bake_timeout_s if it is only slow",
    ),
    Case(
        name="the template cannot be, an error inside another",
        where="preflight: validate the template",
        faults=(
            refused(
                "*/validate",
                400,
                "InvalidTemplateDeployment",
                "The template deployment is not valid.",
                inner=[
                    {
                        "code": "SkuNotAvailable",
                        "message": "Standard_B2s is not available in westeurope.",
                    }
                ],
            ),
        ),
        struck=1,
        reason="preflight: template, deployment to tiny-local: validating tiny-local/release-{build} failed: SkuNotAvailable: Standard_B2s is not available in westeurope.; limit: accepted by Azure",
    ),
    Case(
        name="the template is refused after the preflight",
        where="begin the deployment",
        faults=(
            refused(
                "*/tiny-local/*/deployments/release-*",
                400,
                "InvalidTemplateDeployment",
                "The template deployment is not valid.",
                method="PUT",
                inner=[
                    {
                        "code": "PropertyChangeNotAllowed",
                        "message": "Changing property 'zones' is not allowed.",
                    }
                ],
            ),
        ),
        struck=1,
        reason="deploy: deploying tiny-local/release-{build} failed: PropertyChangeNotAllowed: Changing property 'zones' is not allowed.",
        fix="the property cannot change on an existing resource: set it back, or make a new scale set",
    ),
    Case(
        name="no room, in an error inside two others",
        where="change the scale set",
        faults=(
            fails(
                f"{SET}/write",
                "VMScaleSetOperationFailed",
                "The scale set failed.",
                inner=[
                    {
                        "code": "MultipleErrorsOccurred",
                        "message": "Multiple errors occurred.",
                        "details": [
                            {"code": "ZonalAllocationFailed", "message": "No room."}
                        ],
                    }
                ],
            ),
        ),
        struck=1,
        reason="deploy: deploying tiny-local/release-{build}: Microsoft.Compute/virtualMachineScaleSets tiny failed: ZonalAllocationFailed: No room.",
        fix="choose another instance_size or location in release.toml, or try again later: the region has no room for this size now",
    ),
    Case(
        name="a lock forbids it",
        where="change the scale set",
        faults=(
            {
                "kind": "conflict",
                "type": f"{SET}/write",
                "code": "ScopeLocked",
                "message": "The scope is locked: 'keep'.",
            },
        ),
        struck=1,
        reason="deploy: deploying tiny-local/release-{build}: Microsoft.Compute/virtualMachineScaleSets tiny failed: ScopeLocked: The scope is locked: 'keep'.",
        fix="remove the lock that the message names, or ask who set it",
    ),
    Case(
        name="it hangs",
        where="change the scale set",
        faults=({"kind": "hangs", "type": f"{SET}/write"},),
        options=("--set", "deploy_timeout_s=4"),
        lifted_at="rollback  started",
        struck=1,
        reason="deploy: no end of deploying tiny-local/release-{build}: waited 4 s, last seen in progress",
        fix="look at the resource group's activity log; it may still finish",
    ),
    Case(
        name="an extension fails",
        where="upgrade an instance",
        faults=(
            fails(
                f"{SET}/manualupgrade/action",
                "VMExtensionProvisioningError",
                "The health extension reported a failure.",
            ),
        ),
        struck=1,
        reason="deploy: upgrading tiny000000 failed: VMExtensionProvisioningError: The health extension reported a failure.",
        fix="read the extension's message: the machine's agent reported it",
    ),
    Case(
        name="an instance never gets healthy",
        where="upgrade an instance",
        faults=({"kind": "unhealthy", "path": "*/virtualMachines/1"},),
        options=("--set", "rollout.health_timeout_s=3"),
        lifted_at="rollback  started",
        struck=1,
        reason="deploy: no health of instance 1 of tiny: waited 3 s, last seen 0 of 1 instances healthy (tiny000001 unhealthy)",
    ),
    Case(
        name="no role",
        where="tag the image as passed",
        faults=(
            refused(
                "*/galleries/*/versions/*",
                403,
                "AuthorizationFailed",
                "You may not tag.",
                method="PATCH",
            ),
        ),
        struck=1,
        reason="3 smoke tests and 3 load gates passed; then tagging the image failed: AuthorizationFailed: You may not tag.",
    ),
    Case(
        name="throttled",
        where="undo: restore the model",
        behaviour={"status": 500},
        faults=(throttled("*/virtualMachineScaleSets/tiny", method="PATCH", times=2),),
        struck=2,
        said="throttled by Azure: waiting 1 s (2 of 10), restoring the model",
        reason="test_the_page_answers: GET / answered 500",
    ),
    Case(
        name="preempted",
        where="undo: upgrade an instance",
        behaviour={"starts": False},
        faults=(fails(f"{SET}/manualupgrade/action", **PREEMPTED),),
        struck=1,
        reason="deploy: no health of instance 0 of tiny: waited 6 s, last seen 0 of 1 instances healthy (tiny000000 unhealthy)",
    ),
    Case(
        name="no role any more",
        where="undo: restore the model",
        behaviour={"status": 500},
        faults=(
            refused(
                "*/virtualMachineScaleSets/tiny",
                403,
                "AuthorizationFailed",
                "You may not write.",
                method="PATCH",
                times=None,
            ),
        ),
        struck=1,
        reason="test_the_page_answers: GET / answered 500; then restoring the model failed: AuthorizationFailed: You may not write.",
        mends=False,
    ),
)
