"""The model of a scale set: what its instances are to be. Mostly pure.

An instance has the latest model when the digest that it was made or upgraded with is
the scale set's.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Body
from release.emulator.resources.compute.profiles import (
    check_os_profile,
    invalid,
    one_of,
    required,
    take_secrets,
)
from release.emulator.resources.compute.sizes import check_size
from release.emulator.store import Resource

HEALTH_TYPES = ("applicationhealthlinux", "applicationhealthwindows")
HEALTH_PUBLISHER = "microsoft.managedservices"
PERCENTS = {
    "maxBatchInstancePercent": (5, 100),
    "maxUnhealthyInstancePercent": (5, 100),
    "maxUnhealthyUpgradedInstancePercent": (0, 100),
}
MODES = ("Manual", "Automatic", "Rolling")
DEFAULT_PERCENT = 20
SURGE_FLAGS = (
    "maxSurge",
    "prioritizeUnhealthyInstances",
    "enableCrossZoneUpgrade",
    "rollbackFailedInstancesOnPolicyBreach",
)
SHORTEST_NOTICE_S, LONGEST_NOTICE_S = 300, 900
MOST_INSTANCES, MOST_OF_MANAGED_IMAGE = 1000, 600


def check_scale_set(properties: Body, sku: Body) -> None:
    """Check all of a scale set but its virtualMachineProfile; fill in defaults."""
    mode = one_of(properties, "orchestrationMode", ("Uniform", "Flexible"), "Uniform")
    if mode == "Flexible":
        raise bad_request(
            "OperationNotAllowed",
            "orchestrationMode Flexible is not supported by this embedded Azure: use "
            "Uniform.",
            target="orchestrationMode",
        )
    properties["orchestrationMode"] = mode
    check_size(required(sku, "name"), "sku.name")
    capacity = sku.setdefault("capacity", 0)
    if isinstance(capacity, str) and capacity.isdecimal():
        sku["capacity"] = capacity = int(capacity)
    if not isinstance(capacity, int) or not 0 <= capacity <= MOST_INSTANCES:
        raise invalid("sku.capacity", capacity, f"from 0 to {MOST_INSTANCES}")
    sku.setdefault("tier", "Standard")
    required(properties, "upgradePolicy.mode")
    policy = properties["upgradePolicy"]
    policy["mode"] = one_of(properties, "upgradePolicy.mode", MODES, "Manual")
    if policy["mode"] == "Rolling" or policy.get("rollingUpgradePolicy"):
        check_rolling_policy(policy.setdefault("rollingUpgradePolicy", {}))
    properties.setdefault("overprovision", True)
    properties.setdefault("doNotRunExtensionsOnOverprovisionedVMs", False)
    properties.setdefault("singlePlacementGroup", capacity <= 100)  # noqa: PLR2004
    properties.setdefault("platformFaultDomainCount", 5)


def check_rolling_policy(policy: Body) -> None:
    """Check a rollingUpgradePolicy and fill in Azure's defaults."""
    for name, (least, most) in PERCENTS.items():
        value = policy.setdefault(name, DEFAULT_PERCENT)
        if not isinstance(value, int) or not least <= value <= most:
            where = f"upgradePolicy.rollingUpgradePolicy.{name}"
            raise invalid(where, value, f"from {least} to {most}")
    for name in SURGE_FLAGS:
        policy.setdefault(name, False)
    pause = policy.setdefault("pauseTimeBetweenBatches", "PT0S")
    seconds(pause, "upgradePolicy.rollingUpgradePolicy.pauseTimeBetweenBatches")


def seconds(text: str, target: str) -> float:
    """Return an ISO 8601 duration such as ``PT10M`` in seconds.

    Raises:
        ArmError: It is none.
    """
    found = re.fullmatch(
        r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", str(text)
    )
    if not found or not any(found.groups()):
        raise invalid(target, text, "expected an ISO 8601 duration such as PT30S")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def check_profile(cloud: Cloud, profile: Body, private: Body) -> None:
    """Check a virtualMachineProfile; move its secrets into `private`."""
    required(profile, "storageProfile.imageReference")
    storage = profile["storageProfile"]
    disk = storage.setdefault("osDisk", {"createOption": "FromImage"})
    disk.setdefault("createOption", "FromImage")
    disk.setdefault("caching", "ReadWrite")
    disk.setdefault("osType", "Linux")
    disk.setdefault("diskSizeGB", 30)
    disk.setdefault("managedDisk", {}).setdefault("storageAccountType", "Standard_LRS")
    os_profile = profile.get("osProfile")
    if os_profile is not None:
        required(os_profile, "computerNamePrefix")
        private["secrets"] = take_secrets(os_profile, private.get("secrets", {}))
        check_os_profile(os_profile, private["secrets"])
    _check_network(cloud, profile)
    _check_notice(profile)
    extensions = (profile.get("extensionProfile") or {}).get("extensions") or []
    private["protected"] = _take_protected(extensions, private.get("protected", {}))
    check_extensions({"virtualMachineProfile": profile})


def check_extensions(properties: Body) -> None:
    """Refuse extensions that exclude each other."""
    if len([e for e in extensions_of(properties) if _is_health(e)]) > 1:
        raise bad_request(
            "OperationNotAllowed",
            "Only one Application Health extension is allowed in a scale set.",
            target="extensionProfile",
        )


def _check_notice(profile: Body) -> None:
    events = profile.get("scheduledEventsProfile") or {}
    notice = events.get("terminateNotificationProfile") or {}
    if not notice.get("enable"):
        return
    where = "scheduledEventsProfile.terminateNotificationProfile.notBeforeTimeout"
    text = notice.setdefault("notBeforeTimeout", "PT5M")
    if not SHORTEST_NOTICE_S <= seconds(text, where) <= LONGEST_NOTICE_S:
        raise invalid(where, text, "from PT5M to PT15M")


def _take_protected(extensions: list[Body], kept: Body) -> Body:
    protected = {}
    for extension in extensions:
        given = extension.get("properties", {}).pop("protectedSettings", None)
        value = given if given is not None else kept.get(extension["name"])
        if value is not None:
            protected[extension["name"]] = value
    return protected


def _check_network(cloud: Cloud, profile: Body) -> None:
    required(profile, "networkProfile.networkInterfaceConfigurations")
    interfaces = profile["networkProfile"]["networkInterfaceConfigurations"]
    for at, interface in enumerate(interfaces):
        where = f"networkInterfaceConfigurations[{at}]"
        _check_given(interface, "name", where)
        properties = interface.setdefault("properties", {})
        properties.setdefault("primary", len(interfaces) == 1)
        required(properties, "ipConfigurations")
        for number, configuration in enumerate(properties["ipConfigurations"]):
            _check_given(configuration, "name", f"{where}.ipConfigurations[{number}]")
            _check_references(cloud, configuration.get("properties") or {})
        group = properties.get("networkSecurityGroup")
        if group:
            _check_given(group, "id", f"{where}.networkSecurityGroup")
            _check_there(cloud, group["id"])


def _check_given(body: Body, name: str, where: str) -> None:
    """Raise the 400 for one of several alike that lacks a property, with its place."""
    if not body.get(name):
        raise bad_request(
            "InvalidParameter",
            f"Required parameter '{where}.{name}' is missing (null).",
            target=f"{where}.{name}",
        )


def _check_references(cloud: Cloud, configuration: Body) -> None:
    required(configuration, "subnet.id")
    _check_public_address(configuration)
    _check_there(cloud, configuration["subnet"]["id"])
    for name in ("loadBalancerBackendAddressPools", "loadBalancerInboundNatPools"):
        for reference in configuration.get(name) or ():
            balancer = parse(reference["id"]).parent
            _check_there(cloud, str(balancer))


def _check_public_address(configuration: Body) -> None:
    """Check the public address that each instance is to have."""
    wanted = "publicIPAddressConfiguration"
    if not configuration.get(wanted):
        return
    required(configuration, f"{wanted}.name")
    properties = configuration[wanted].get("properties") or {}
    if properties.get("publicIPAddressVersion", "IPv4") == "IPv6":
        raise bad_request(
            "OperationNotSupported",
            f"{wanted} asks for IPv6: this embedded Azure has IPv4 addresses only.",
            target=wanted,
        )


def _check_there(cloud: Cloud, text: str) -> None:
    if cloud.find(parse(text)) is None:
        raise bad_request(
            "InvalidResourceReference",
            f"Resource {text} referenced by the scale set was not found. Please make "
            "sure that the referenced resource exists, and that both resources are in "
            "the same region.",
        )


def digest(resource_body: Body, private: Body) -> str:
    """Return what tells one model from another."""
    properties = resource_body["properties"]
    model = {
        "profile": properties["virtualMachineProfile"],
        "size": resource_body["sku"]["name"],
        "secrets": private.get("secrets"),
        "protected": private.get("protected"),
    }
    text = json.dumps(model, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def image_reference(scale_set: Resource) -> Body:
    """Return the image reference of the model."""
    profile = scale_set.properties["virtualMachineProfile"]
    found: Body = copy.deepcopy(profile["storageProfile"]["imageReference"])
    return found


def _is_health(extension: Body) -> bool:
    properties = extension.get("properties") or {}
    return (
        str(properties.get("publisher", "")).lower() == HEALTH_PUBLISHER
        and str(properties.get("type", "")).lower() in HEALTH_TYPES
    )


def extensions_of(properties: Body) -> list[Body]:
    """Return the extensions that a scale set's properties declare."""
    profile = properties["virtualMachineProfile"].get("extensionProfile") or {}
    found: list[Body] = profile.get("extensions") or []
    return found


def health_extension(extensions: Iterable[Body]) -> Body | None:
    """Return the Application Health extension out of these."""
    return next((e for e in extensions if _is_health(e)), None)


def health_probe_id(properties: Body) -> str:
    """Return the id of the load balancer probe that tells health, or ""."""
    network = properties["virtualMachineProfile"]["networkProfile"]
    return str((network.get("healthProbe") or {}).get("id") or "")


def reports_health(properties: Body) -> bool:
    """Tell whether anything says how an instance is."""
    by_extension = health_extension(extensions_of(properties))
    return bool(by_extension or health_probe_id(properties))


def protects(instance: Resource, from_what: str) -> bool:
    """Tell whether an instance is protected from scale-in or from actions.

    Args:
        instance: The instance.
        from_what: ``protectFromScaleIn`` or ``protectFromScaleSetActions``; the
            second one covers the first.
    """
    policy: dict[str, Any] = instance.properties.get("protectionPolicy") or {}
    return bool(policy.get(from_what) or policy.get("protectFromScaleSetActions"))
