"""What a property of a body is, by its name: a text, a number, an object, a list. Pure.

Resource providers read bodies into classes: names in any case, numbers and flags also
as texts, and a value of another type is refused with its path. A name means one type
in nearly all of Azure's classes; those that do not are left to who reads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Body

_OBJECTS: Final = """
    addressSpace automaticOSUpgradePolicy automaticRepairsPolicy backendAddressPool
    bootDiagnostics creationData deleteRetentionPolicy diagnosticsProfile dnsSettings
    encryption extensionProfile frontendIPConfiguration hardwareProfile healthProbe
    identifier identity imageReference ipConfiguration linuxConfiguration managedDisk
    managedImage natGateway networkAcls networkProfile networkSecurityGroup osDisk
    osDiskImage osProfile plan probe properties protectionPolicy publicIPAddress
    publicIPAddressConfiguration publicIPPrefix publishingProfile rollingUpgradePolicy
    routeTable safetyProfile scaleInPolicy scheduledEventsProfile securityProfile source
    snapshot ssh storageProfile subnet terminateNotificationProfile upgradePolicy
    virtualMachine virtualMachineProfile windowsConfiguration whatIfSettings
    targetImageReference
"""
_LISTS_OF_OBJECTS: Final = """
    backendAddressPools dataDiskImages dataDisks features frontendIPConfigurations
    inboundNatPools inboundNatRules ipConfigurations loadBalancingRules
    networkInterfaceConfigurations outboundRules permissions probes
    profiles publicKeys routes securityRules subnets
"""
_LISTS_OF_NAMED: Final = "extensions loadBalancerBackendAddresses targetRegions"
_LISTS_OF_REFERENCES: Final = """
    loadBalancerBackendAddressPools loadBalancerInboundNatPools
    loadBalancerInboundNatRules networkInterfaces publicIpAddresses
"""
_LISTS_OF_TEXTS: Final = """
    addressPrefixes assignableScopes destinationAddressPrefixes
    destinationPortRanges fileUris instanceIds provisionAfterExtensions
    sourceAddressPrefixes sourcePortRanges zones
"""
_LISTS: Final = "notifications rules"
_TEXTS: Final = """
    access accessTier accountType addressPrefix adminPassword adminState
    adminUsername apiVersion caching computerName computerNamePrefix createOption
    customData deleteOption description destinationAddressPrefix
    destinationPortRange direction domainNameLabel errorBlobUri gracePeriod
    hyperVGeneration id keyData keyName kind level loadDistribution location mode
    name nextHopType notBeforeTimeout offer orchestrationMode osState osType
    outputBlobUri pauseTimeBetweenBatches principalId principalType
    privateIPAddressVersion privateIPAllocationMethod protocol publicAccess
    publicIPAddressVersion publicIPAllocationMethod publisher repairAction
    requestPath roleDefinitionId runAsPassword runAsUser scriptUri
    sourceAddressPrefix sourcePortRange sourceResourceId storageAccountType
    targetResourceUri tier type typeHandlerVersion userData version vmSize
"""
_NUMBERS: Final = """
    backendPort diskSizeGB frontendPort frontendPortRangeEnd frontendPortRangeStart
    idleTimeoutInMinutes intervalInSeconds lun maxBatchInstancePercent
    maxUnhealthyInstancePercent maxUnhealthyUpgradedInstancePercent numberOfProbes
    platformFaultDomainCount probeThreshold regionalReplicaCount replicaCount
    timeoutInSeconds
"""
_FLAGS: Final = """
    allowBlobPublicAccess allowExtensionOperations allowSharedKeyAccess asyncExecution
    autoUpgradeMinorVersion disableOutboundSnat disablePasswordAuthentication
    doNotRunExtensionsOnOverprovisionedVMs enable enabled enableAcceleratedNetworking
    enableCrossZoneUpgrade enableFloatingIP enableIPForwarding enableTcpReset
    excludeFromLatest maxSurge overprovision primary prioritizeUnhealthyInstances
    protectFromScaleIn protectFromScaleSetActions provisionVMAgent
    rollbackFailedInstancesOnPolicyBreach singlePlacementGroup
    supportsHttpsTrafficOnly treatFailureAsDeploymentFailure zoneBalance
"""
_CLOSED: Final = "protectedSettings settings userAssignedIdentities"
"""Objects whose names are their users' own."""
_SKIPPED: Final = frozenset({"metadata", "outputs", "parameters", "template"})
_TEXTS_WITHIN: Final = frozenset(
    {
        ("galleryApplications", "tags"),
        ("identifier", "sku"),
        ("imageReference", "sku"),
        ("sharingProfile", "permissions"),
    }
)
"""What is a text there, and another thing elsewhere."""


def shaped(body: Body) -> Body:
    """Return a body with names as Azure spells them, and values of their types.

    Raises:
        ArmError: 400 ``InvalidRequestContent``, with the path.
    """
    return _object(body, "", "")


def object_of(body: Any) -> Body | None:
    """Return what an action is told, None for nothing.

    Raises:
        ArmError: 400 ``InvalidRequestContent``: it is no object, or not of its types.
    """
    return None if body is None else shaped(body)


def _object(value: Any, path: str, parent: str) -> Body:
    if not isinstance(value, dict):
        raise _wrong(value, "object", path)
    spelled: dict[str, str] = {_SPELLED.get(name.lower(), name): name for name in value}
    return {
        name: _property(name, value[given], f"{path}.{given}".lstrip("."), parent)
        for name, given in spelled.items()
    }


def _property(name: str, value: Any, path: str, parent: str) -> Any:
    if value is None or name in _SKIPPED:
        return value
    if (parent, name) in _TEXTS_WITHIN:
        return _text(value, path, name)
    if name == "sku":
        return _object(value, path, name)
    if name in _READERS:
        return _READERS[name](value, path, name)
    return _inside(value, path, name)


def _inside(value: Any, path: str, name: str) -> Any:
    """Read what is within a value whose own type is not known."""
    if isinstance(value, dict):
        return _object(value, path, name)
    if isinstance(value, list):
        return [_inside(one, f"{path}[{at}]", name) for at, one in enumerate(value)]
    return value


def _objects(value: Any, path: str, name: str) -> list[Body]:
    return [
        _object(one, f"{path}[{at}]", name) for at, one in enumerate(_list(value, path))
    ]


def _named(value: Any, path: str, name: str) -> list[Body]:
    return [
        _having("name", one, f"{path}[{at}]")
        for at, one in enumerate(_objects(value, path, name))
    ]


def _references(value: Any, path: str, name: str) -> list[Body]:
    return [
        _having("id", one, f"{path}[{at}]")
        for at, one in enumerate(_objects(value, path, name))
    ]


def _having(wanted: str, value: Body, path: str) -> Body:
    if not value.get(wanted):
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: 'Required "
            f"property '{wanted}' not found in JSON. Path '{path}'.'.",
            target=path,
        )
    return value


def _texts(value: Any, path: str, name: str) -> list[str]:
    return [
        _text(one, f"{path}[{at}]", name) for at, one in enumerate(_list(value, path))
    ]


def _list(value: Any, path: str, _name: str = "") -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, "array", path)
    return value


def _text(value: Any, path: str, _name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(value, "string", path)
    return value if isinstance(value, str) else str(value)


def _number(value: Any, path: str, _name: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(value, "integer", path)
    return value


def _flag(value: Any, path: str, _name: str) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _wrong(value, "boolean", path)
    return value


def _closed(value: Any, path: str, _name: str) -> Body:
    if not isinstance(value, dict):
        raise _wrong(value, "object", path)
    return value


def _tags(value: Any, path: str, name: str) -> Body:
    """Read a map of texts: ARM makes numbers and flags texts as .NET writes them."""
    return {
        tag: str(one) if isinstance(one, int | float) else one
        for tag, one in _closed(value, path, name).items()
    }


def _wrong(value: Any, expected: str, path: str) -> ArmError:
    shown = json.dumps(value)
    return bad_request(
        "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'Error "
        f"converting value {shown[:_SHOWN]} to type '{expected}'. Path '{path}'.'.",
        target=path,
    )


_SHOWN: Final = 80
"""How much of a value an error shows."""
_READERS: Final[Mapping[str, Callable[[Any, str, str], Any]]] = {
    name: read
    for names, read in (
        (_OBJECTS, _object),
        (_LISTS_OF_OBJECTS, _objects),
        (_LISTS_OF_NAMED, _named),
        (_LISTS_OF_REFERENCES, _references),
        (_LISTS_OF_TEXTS, _texts),
        (_LISTS, _list),
        (_TEXTS, _text),
        (_NUMBERS, _number),
        (_FLAGS, _flag),
        (_CLOSED, _closed),
        ("tags", _tags),
    )
    for name in names.split()
}
_SPELLED: Final[Mapping[str, str]] = {
    name.lower(): name for name in (*_READERS, *_SKIPPED, "sku")
}
