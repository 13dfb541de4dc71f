"""The error codes of Azure that a release may meet: cause, fix, and what to do. Pure.

The one table that everything asks: what is tried again, when another size may do,
what a message advises. ``docs/errors.md`` is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What a release does about an error."""

    AGAIN = "try again"
    """The same may succeed later: nothing was done, or it may be done twice."""
    ELSEWHERE = "another size or zone"
    """The same cannot be had here now; another size or zone may."""
    STOP = "stop"
    """Somebody must act first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What a code means.

    Attributes:
        cause: Why Azure says so, as a clause.
        fix: What the reader can do, as an instruction.
        act: What the release does.
        source: Where that is documented; a key of `SOURCES`.
    """

    cause: str
    fix: str
    act: Act
    source: str


_LEARN = "https://learn.microsoft.com/"
SOURCES: Mapping[str, tuple[str, str]] = {
    "deployment": (
        "Troubleshoot common Azure deployment errors",
        _LEARN
        + "azure/azure-resource-manager/troubleshooting/common-deployment-errors",
    ),
    "machine": (
        "Azure virtual machine error messages",
        _LEARN + "troubleshoot/azure/virtual-machines/windows/error-messages",
    ),
    "allocation": (
        "Troubleshoot allocation failures of virtual machines",
        _LEARN + "troubleshoot/azure/virtual-machines/windows/allocation-failure",
    ),
    "quota": (
        "Resolve errors for resource quotas",
        _LEARN + "azure/azure-resource-manager/troubleshooting/error-resource-quota",
    ),
    "throttling": (
        "Understand how Azure Resource Manager throttles requests",
        _LEARN + "azure/azure-resource-manager/management/"
        "request-limits-and-throttling",
    ),
    "compute throttling": (
        "Troubleshoot API throttling errors of compute",
        _LEARN + "troubleshoot/azure/virtual-machines/windows/"
        "troubleshooting-throttling-errors",
    ),
    "preempted": (
        "OperationPreempted of scale sets, as reported",
        "https://github.com/Azure/azure-rest-api-specs/issues/22434",
    ),
    "conflict": (
        "Conflict of concurrent requests, as reported",
        "https://github.com/Azure/azure-powershell/issues/25627",
    ),
    "sign-in": (
        "Microsoft Entra authentication and authorization error codes",
        _LEARN + "entra/identity-platform/reference-error-codes",
    ),
    "storage": (
        "Common REST API error codes of storage",
        _LEARN + "rest/api/storageservices/common-rest-api-error-codes",
    ),
    "blob": (
        "Blob service error codes",
        _LEARN + "rest/api/storageservices/blob-service-error-codes",
    ),
    "account": (
        "Resolve errors for storage account names",
        _LEARN + "azure/azure-resource-manager/troubleshooting/"
        "error-storage-account-name",
    ),
    "lock": (
        "Lock your resources to protect your infrastructure",
        _LEARN + "azure/azure-resource-manager/management/lock-resources",
    ),
    "policy": (
        "Resolve errors for resources disallowed by policy",
        _LEARN + "azure/azure-resource-manager/troubleshooting/"
        "error-policy-requestdisallowedbypolicy",
    ),
    "history": (
        "Resolve error when deployment count exceeds 800",
        _LEARN + "azure/azure-resource-manager/templates/deployment-quota-exceeded",
    ),
    "gallery": (
        "Troubleshoot images in an Azure compute gallery",
        _LEARN + "azure/virtual-machines/troubleshooting-shared-images",
    ),
    "network": (
        "Azure virtual network frequently asked questions",
        _LEARN + "azure/virtual-network/virtual-networks-faq",
    ),
    "encryption": (
        "Server-side encryption of Azure disk storage",
        _LEARN + "azure/virtual-machines/disk-encryption",
    ),
    "run command": (
        "Run scripts in your Linux VM by using managed Run Commands",
        _LEARN + "azure/virtual-machines/linux/run-command-managed",
    ),
    "release": ("pytest-release itself", "../ARCHITECTURE.md"),
}

_ROLE = (
    "grant the role Contributor on the resource group to the principal that "
    "releases, and Storage Blob Data Contributor on the storage account"
)
_LATER = "wait until the other operation ends, then release again"
_ROOM = (
    "choose another instance_size or location in release.toml, or try again later: "
    "the region has no room for this size now"
)
_QUOTA = (
    "ask for more quota (portal: Quotas), remove machines that are not needed, or "
    "choose a smaller instance_size"
)
_TEMPLATE = "mend the template at the place named; nothing was changed"
_SIGN_IN = "sign in again: az login, or a fresh secret in ARM_CLIENT_SECRET"
_OWNER = "ask who owns the subscription's policies"


def _again(cause: str, fix: str, source: str) -> Code:
    return Code(cause=cause, fix=fix, act=Act.AGAIN, source=source)


def _elsewhere(cause: str, fix: str, source: str) -> Code:
    return Code(cause=cause, fix=fix, act=Act.ELSEWHERE, source=source)


def _stop(cause: str, fix: str, source: str) -> Code:
    return Code(cause=cause, fix=fix, act=Act.STOP, source=source)


_AGAIN: Mapping[str, Code] = {
    "AnotherOperationInProgress": _again(
        "another operation holds the resource", _LATER, "deployment"
    ),
    "AttachDiskWhileBeingDetached": _again(
        "a disk is still being detached", _LATER, "machine"
    ),
    "Conflict": _again("a concurrent request came first", _LATER, "conflict"),
    "ContainerBeingDeleted": _again(
        "a container of this name is being deleted",
        "release again in a minute",
        "blob",
    ),
    "DeploymentActive": _again(
        "a deployment of this name still runs",
        "a deployment of this name is still running: wait for it",
        "deployment",
    ),
    "InternalError": _again(
        "the service failed inside",
        "release again; Azure names no cause of its own",
        "storage",
    ),
    "InternalExecutionError": _again(
        "the compute provider failed inside",
        "release again; Azure names no cause of its own",
        "machine",
    ),
    "InternalServerError": _again(
        "the service failed inside",
        "release again; Azure's service status may say more",
        "deployment",
    ),
    "NetworkingInternalOperationError": _again(
        "the network provider failed inside",
        "release again; Azure names no cause of its own",
        "machine",
    ),
    "OperationPreempted": _again(
        "a later operation on the resource took over", _LATER, "preempted"
    ),
    "OperationTimedOut": _again(
        "storage did not finish in its time", "release again", "storage"
    ),
    "ReferencedResourceNotProvisioned": _again(
        "a resource that it refers to is not ready yet", _LATER, "deployment"
    ),
    "ResourceGroupBeingDeleted": _again(
        "the group is being deleted",
        "wait until the group is gone, then release again",
        "deployment",
    ),
    "ResourceNotReady": _again(
        "a resource that it refers to is not ready yet", _LATER, "deployment"
    ),
    "RetryableError": _again("Azure asks to try again", _LATER, "deployment"),
    "RetryableErrorDueToAnotherOperation": _again(
        "another operation holds the resource", _LATER, "deployment"
    ),
    "ServerBusy": _again(
        "storage has more to do than it can",
        "release again; Azure's service status may say more",
        "storage",
    ),
    "ServerTimeout": _again(
        "Azure did not answer itself in time",
        "release again; Azure did not answer in time",
        "deployment",
    ),
    "ServiceUnavailable": _again(
        "the service is not available",
        "release again; Azure's service status may say more",
        "deployment",
    ),
    "StorageAccountOperationInProgress": _again(
        "another operation holds the storage account", _LATER, "deployment"
    ),
    "SubscriptionRequestsThrottled": _again(
        "too many requests of this principal",
        "release again later: too many requests of this principal",
        "throttling",
    ),
    "TooManyRequests": _again(
        "too many requests of this principal",
        "release again later: too many requests of this principal",
        "compute throttling",
    ),
}

_ELSEWHERE: Mapping[str, Code] = {
    "AllocationFailed": _elsewhere("no room for the size", _ROOM, "allocation"),
    "OverconstrainedAllocationRequest": _elsewhere(
        "no room that meets all that was asked for", _ROOM, "allocation"
    ),
    "OverconstrainedZonalAllocationRequest": _elsewhere(
        "no room in the zone that meets all that was asked for", _ROOM, "allocation"
    ),
    "SkuNotAvailable": _elsewhere(
        "the size is not offered in the region, the zone or to the subscription",
        _ROOM,
        "deployment",
    ),
    "ZonalAllocationFailed": _elsewhere(
        "no room for the size in the zone", _ROOM, "allocation"
    ),
}

_STOP: Mapping[str, Code] = {
    # --- who asks ---------------------------------------------------------------
    "AADSTS50034": _stop("the user is not in the tenant", _SIGN_IN, "sign-in"),
    "AADSTS50173": _stop("the sign-in was revoked", _SIGN_IN, "sign-in"),
    "AADSTS700016": _stop(
        "the application is not in the tenant",
        "check ARM_CLIENT_ID and ARM_TENANT_ID: they do not belong together",
        "sign-in",
    ),
    "AADSTS700024": _stop(
        "the CI's assertion is older than the minutes it lives",
        "let the CI give a fresh assertion: see that its identity token may be asked "
        "for all through the job",
        "sign-in",
    ),
    "AADSTS70021": _stop(
        "no federated credential of the application fits the CI's assertion",
        "add a federated credential for this repository, branch or environment",
        "sign-in",
    ),
    "AADSTS700082": _stop("the sign-in is too old", _SIGN_IN, "sign-in"),
    "AADSTS7000215": _stop(
        "the secret is wrong",
        "check ARM_CLIENT_SECRET: it is the secret's value, and not its id",
        "sign-in",
    ),
    "AADSTS7000222": _stop(
        "the secret has expired",
        "make a new secret for the application, and set ARM_CLIENT_SECRET",
        "sign-in",
    ),
    "AADSTS90002": _stop("there is no such tenant", "check ARM_TENANT_ID", "sign-in"),
    "AuthenticationFailed": _stop("who asks was not believed", _ROLE, "storage"),
    "AuthorizationFailed": _stop("a role is missing", _ROLE, "deployment"),
    "AuthorizationFailure": _stop(
        "a role is missing, or the account's firewall refuses the address",
        _ROLE,
        "storage",
    ),
    "AuthorizationPermissionMismatch": _stop(
        "a role for blobs is missing", _ROLE, "storage"
    ),
    "ExpiredAuthenticationToken": _stop("the token has expired", _SIGN_IN, "sign-in"),
    "InvalidAuthenticationToken": _stop(
        "the token is of another tenant or for something else",
        "sign in again; ARM_TENANT_ID may be another",
        "sign-in",
    ),
    "InvalidAuthenticationTokenTenant": _stop(
        "the token is of another tenant",
        "sign in to the subscription's tenant: check ARM_TENANT_ID",
        "sign-in",
    ),
    "KeyBasedAuthenticationNotPermitted": _stop(
        "the storage account allows no account keys",
        "use a principal with Storage Blob Data Contributor; no key is needed",
        "storage",
    ),
    "LinkedAuthorizationFailed": _stop(
        "a role on a resource that it refers to is missing", _ROLE, "deployment"
    ),
    # --- what the owner forbids ------------------------------------------------
    "ReadOnlyDisabledSubscription": _stop(
        "the subscription is disabled",
        "ask the subscription's owner to enable it",
        "deployment",
    ),
    "RequestDisallowedByAzure": _stop(
        "Azure's own rules forbid it here",
        "choose another location, or ask who owns the subscription",
        "policy",
    ),
    "RequestDisallowedByPolicy": _stop("a policy forbids it", _OWNER, "policy"),
    "ScopeLocked": _stop(
        "a lock forbids the change",
        "remove the lock that the message names, or ask who set it",
        "lock",
    ),
    "LockedResource": _stop(
        "a lock forbids the change",
        "remove the lock that the message names, or ask who set it",
        "lock",
    ),
    "SubscriptionNotRegistered": _stop(
        "a resource provider is not registered",
        "register the resource provider: az provider register --namespace NAMESPACE",
        "deployment",
    ),
    "MissingSubscriptionRegistration": _stop(
        "a resource provider is not registered",
        "register the resource provider: az provider register --namespace NAMESPACE",
        "deployment",
    ),
    "NoRegisteredProviderFound": _stop(
        "the API version or the type is not served there",
        "check location, and that the resource provider is registered",
        "deployment",
    ),
    # --- limits --------------------------------------------------------------------
    "DeploymentQuotaExceeded": _stop(
        "the group's history is full: 800 deployments",
        "delete old deployments of the group; a CanNotDelete lock keeps Azure from "
        "doing so by itself",
        "history",
    ),
    "OperationNotAllowed": _stop(
        "quota, or a state that forbids it; the message tells",
        "mend what the message names",
        "machine",
    ),
    "PublicIPCountLimitReached": _stop("no public address is left", _QUOTA, "quota"),
    "QuotaExceeded": _stop("a quota is used up", _QUOTA, "quota"),
    "ResourceQuotaExceeded": _stop("a quota is used up", _QUOTA, "quota"),
    "SubnetIsFull": _stop(
        "the subnet has no address left",
        "make the subnet larger, or run fewer instances",
        "network",
    ),
    # --- what was asked for ------------------------------------------------------
    "AccountNameInvalid": _stop(
        "the name is no name of a storage account",
        "set storage_account to 3 to 24 lower-case letters and digits",
        "account",
    ),
    "AddressInUse": _stop(
        "another program of this computer listens there",
        "end that program, or set another site_port in release.toml",
        "release",
    ),
    "BadRequest": _stop(
        "the request is wrong", "mend what the message names", "deployment"
    ),
    "DiskEncryptionSetNotFound": _stop(
        "the disk encryption set is not there",
        "check the disk encryption set's id, region and subscription",
        "encryption",
    ),
    "DnsRecordInUse": _stop(
        "another public address has this DNS label",
        "choose another DNS label in the template",
        "deployment",
    ),
    "InvalidParameter": _stop(
        "a value is wrong", "mend the value that the message names", "machine"
    ),
    "InvalidRequestContent": _stop(
        "the request does not fit the type", _TEMPLATE, "deployment"
    ),
    "InvalidResourceLocation": _stop(
        "it exists in another region",
        "set location back, or choose another name: a resource cannot move",
        "deployment",
    ),
    "InvalidResourceReference": _stop(
        "what it refers to is not there", _TEMPLATE, "deployment"
    ),
    "InvalidTemplate": _stop("the template is wrong", _TEMPLATE, "deployment"),
    "InvalidTemplateDeployment": _stop(
        "the template cannot be deployed", _TEMPLATE, "deployment"
    ),
    "KeyVaultAccessForbidden": _stop(
        "the key of a disk encryption set cannot be read",
        "let the disk encryption set's identity read the key in its vault",
        "encryption",
    ),
    "LocationNotAvailableForResourceType": _stop(
        "the region does not have the type", "choose another location", "deployment"
    ),
    "NicInUse": _stop(
        "the network interface belongs to another machine",
        "release again: each bake has a group of its own",
        "deployment",
    ),
    "PropertyChangeNotAllowed": _stop(
        "the property cannot change on what exists",
        "the property cannot change on an existing resource: set it back, or make a "
        "new scale set",
        "machine",
    ),
    "StorageAccountAlreadyTaken": _stop(
        "another subscription has an account of this name",
        "set storage_account in release.toml to another name: names of storage "
        "accounts are unique in all of Azure",
        "account",
    ),
    # --- what is not there ----------------------------------------------------------
    "ContainerNotFound": _stop(
        "the container is not there",
        "release again: the next bake makes what is missing",
        "blob",
    ),
    "GalleryImageNotFound": _stop(
        "the image version is not in the region, or gone",
        "wait for the image's replication to the region, or bake it again",
        "gallery",
    ),
    "ImageNotFound": _stop(
        "the image is gone", "bake the image again: it is gone", "machine"
    ),
    "ParentResourceNotFound": _stop(
        "what it belongs to is not there",
        "check the name in release.toml",
        "deployment",
    ),
    "PlatformImageNotFound": _stop(
        "the marketplace has no such image in the region",
        "check [base] of the recipe: az vm image list --all",
        "machine",
    ),
    "ReplicationFailed": _stop(
        "the image did not reach the region",
        "bake again; the version in the gallery can be deleted",
        "gallery",
    ),
    "ResourceGroupNotFound": _stop(
        "the group is not there", "check resource_group in release.toml", "deployment"
    ),
    "ResourceNotFound": _stop(
        "it is not there", "check the name in release.toml", "deployment"
    ),
    "SubscriptionNotFound": _stop(
        "the principal sees no such subscription",
        "check subscription in release.toml (ARM_SUBSCRIPTION_ID)",
        "deployment",
    ),
    # --- what the machine did -----------------------------------------------------
    "OSProvisioningClientError": _stop(
        "the machine's agent reported an error as it started",
        "look at the image's last steps: waagent -deprovision+user comes last",
        "machine",
    ),
    "OSProvisioningInternalError": _stop(
        "the machine did not report that it started",
        "look at its boot diagnostics",
        "machine",
    ),
    "OSProvisioningTimedOut": _stop(
        "the machine did not report in time that it started",
        "the image does not boot as a generalized one: its last step must be waagent "
        "-deprovision+user",
        "machine",
    ),
    "VMExtensionHandlerNonTransientError": _stop(
        "an extension cannot work on this machine",
        "read the extension's message: the machine's agent reported it",
        "machine",
    ),
    "VMExtensionProvisioningError": _stop(
        "an extension ended with an error",
        "read the extension's message: the machine's agent reported it",
        "machine",
    ),
    "VMExtensionProvisioningTimeout": _stop(
        "an extension did not end in time",
        "see that the machine reaches what its extension needs, and that its agent "
        "runs",
        "machine",
    ),
    "VMRunCommandFailed": _stop(
        "the script ended with an error",
        "read the build's log: it has what the script printed",
        "run command",
    ),
    "VMStartTimedOut": _stop(
        "the machine did not start",
        "the machine did not start: look at its boot diagnostics",
        "machine",
    ),
}

WRAPPERS = frozenset(
    {
        "DeploymentFailed",
        "InvalidTemplateDeployment",
        "MultipleErrorsOccurred",
        "ResourceDeploymentFailure",
        "ResourceOperationFailure",
        "VMScaleSetOperationFailed",
    }
)
"""Codes that say only that something inside failed."""

CODES: Mapping[str, Code] = {**_AGAIN, **_ELSEWHERE, **_STOP}

BEING_DELETED = _again("it is being deleted", _LATER, "machine")
"""`OperationNotAllowed`, when its message says "marked for deletion"."""
USED_UP = _stop("a quota is used up", _QUOTA, "quota")
"""`OperationNotAllowed`, when its message tells of a quota."""


def markdown() -> str:
    """Return ``docs/errors.md``."""
    used = sorted({code.source for code in CODES.values()})
    lines = [
        "# Errors of Azure",
        "",
        "What a release does about an error, and what you can do. Made from",
        "`release/azure/codes.py` by `python -m release errors`; a test compares.",
        "",
        "*try again*: the release does so by itself, as long as the stage has tries",
        "and seconds left. *another size or zone*: the builder machine goes on to the",
        "next of `builder_sizes`; `instance_size` stays what you said. *stop*: the",
        "release fails, and undoes what it did. `OperationNotAllowed` is told apart",
        "by its message: of a quota it is *stop*, with limit, usage and need; of",
        "something being deleted, *try again*. A code that is not here is told in",
        "Azure's own words; a 429, and a 503 or any refusal with `Retry-After`, is",
        "tried again whatever its code.",
        "",
        "| code | cause | what to do | the release | source |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {code.cause} | {code.fix} | {code.act} | {code.source} |"
        for name, code in sorted(CODES.items(), key=lambda item: item[0].lower())
    ]
    lines += ["", "Sources:", ""]
    lines += [f"- {name}: [{SOURCES[name][0]}]({SOURCES[name][1]})" for name in used]
    return "\n".join(lines) + "\n"
