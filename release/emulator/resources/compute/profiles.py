"""Profiles: what a virtual machine and a scale-set model both declare, checked.

Pure. Messages as Azure words them:
https://learn.microsoft.com/troubleshoot/azure/virtual-machines/error-codes
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Body

FORBIDDEN_USERS = frozenset(
    [
        "administrator",
        "admin",
        "user",
        "user1",
        "test",
        "user2",
        "test1",
        "user3",
        "admin1",
        "1",
        "123",
        "a",
        "actuser",
        "adm",
        "admin2",
        "aspnet",
        "backup",
        "console",
        "david",
        "guest",
        "john",
        "owner",
        "root",
        "server",
        "sql",
        "support",
        "support_388945a0",
        "sys",
        "test2",
        "test3",
        "user4",
        "user5",
    ]
)
PASSWORD_CLASSES = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")
SHORTEST_PASSWORD, LONGEST_PASSWORD, LEAST_CLASSES = 6, 72, 3
CUSTOM_DATA_BYTES = 65535
CASE_MATTERS = "adminUsername"
"""What Linux tells apart by case; other texts are names of Azure's own, and ids."""
SECRET_NAMES = ("adminPassword", "customData")


def required(body: Body, path: str) -> Any:
    """Return a property by its dotted path.

    Raises:
        ArmError: 400 ``InvalidParameter`` when it is missing.
    """
    found: Any = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found in (None, "", [], {}):
        raise bad_request(
            "InvalidParameter",
            f"Required parameter '{path.rpartition('.')[2]}' is missing (null).",
            target=path,
        )
    return found


def invalid(target: str, value: object, expected: str) -> ArmError:
    """Return the 400 for a value that is out of its range or set."""
    return bad_request(
        "InvalidParameter",
        f"The value '{value}' of parameter '{target}' is invalid: {expected}.",
        target=target,
    )


def list_of(body: Body, name: str, kind: type) -> list[Any]:
    """Return a list that a body gives, or an empty one.

    Raises:
        ArmError: 400: it is another thing, or something else is in it.
    """
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, kind) for one in found):
        what = "texts" if kind is str else "objects"
        raise invalid(name, found, f"expected a list of {what}")
    return found


def one_of(body: Body, path: str, allowed: tuple[str, ...], default: str) -> str:
    """Return a property out of a closed set, in Azure's own spelling."""
    *parents, name = path.split(".")
    for parent in parents:
        body = body.get(parent) or {}
    given = body.get(name) or default
    spelled = {value.lower(): value for value in allowed}
    found = spelled.get(str(given).lower())
    if found is None:
        raise invalid(path, given, f"expected one of {', '.join(allowed)}")
    return found


def take_secrets(os_profile: Body, kept: Body) -> Body:
    """Move the secrets out of an osProfile, so that no GET shows them.

    Args:
        os_profile: Loses its secrets.
        kept: Those of before, for a write that leaves them out.
    """
    secrets = dict(kept)
    for name in SECRET_NAMES:
        value = os_profile.pop(name, None)
        if value is not None:
            secrets[name] = value
    return secrets


def check_os_profile(os_profile: Body, secrets: Body) -> None:
    """Check user, password, keys and custom data; fill in defaults."""
    required(os_profile, "adminUsername")
    _check_user(os_profile["adminUsername"])
    if secrets.get("customData"):
        _check_custom_data(secrets["customData"])
    if "windowsConfiguration" in os_profile:
        raise bad_request(
            "OperationNotAllowed",
            "windowsConfiguration was given, but this embedded Azure has only Linux "
            "machines.",
            target="osProfile.windowsConfiguration",
        )
    linux = os_profile.setdefault("linuxConfiguration", {})
    keys_only = linux.setdefault("disablePasswordAuthentication", False)
    linux.setdefault("provisionVMAgent", True)
    if secrets.get("adminPassword") and not keys_only:
        _check_password(secrets["adminPassword"])
    _check_login(linux, secrets)
    if os_profile.get("secrets"):
        raise bad_request(
            "OperationNotAllowed",
            "osProfile.secrets was given, but this embedded Azure has no key vaults to "
            "take certificates from.",
            target="osProfile.secrets",
        )
    os_profile.setdefault("secrets", [])
    os_profile.setdefault("allowExtensionOperations", True)


def _check_login(linux: Body, secrets: Body) -> None:
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    with_password = not linux["disablePasswordAuthentication"]
    if with_password and secrets.get("adminPassword"):
        return
    if not keys:
        raise bad_request(
            "InvalidParameter",
            "Authentication using either SSH or by user name and password must be "
            "enabled in Linux profile.",
            target="linuxConfiguration",
        )
    for key in keys:
        if not re.match(r"(ssh-(rsa|ed25519)|ecdsa-)", str(key.get("keyData", ""))):
            raise bad_request(
                "InvalidParameter",
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is "
                "invalid.",
                target="linuxConfiguration.ssh.publicKeys.keyData",
            )


def _check_user(name: str) -> None:
    if name.lower() in FORBIDDEN_USERS:
        raise bad_request(
            "InvalidParameter",
            "The Admin Username specified is not allowed.",
            target="adminUsername",
        )


def _check_password(password: str) -> None:
    classes = sum(bool(re.search(pattern, password)) for pattern in PASSWORD_CLASSES)
    long_enough = SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD
    if not long_enough or classes < LEAST_CLASSES:
        raise bad_request(
            "InvalidParameter",
            "The supplied password must be between 6-72 characters long and must "
            "satisfy at least 3 of password complexity requirements from the "
            "following: Contains an uppercase character, Contains a lowercase "
            "character, Contains a numeric digit, Contains a special character, "
            "Control characters are not allowed.",
            target="adminPassword",
        )


def _check_custom_data(text: str) -> None:
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise bad_request(
            "InvalidParameter",
            "Custom data in OSProfile must be in Base64 encoding and with a maximum "
            f"length of {CUSTOM_DATA_BYTES + 1} bytes.",
            target="customData",
        ) from None
    if size > CUSTOM_DATA_BYTES:
        raise invalid("customData", f"{size} bytes", f"at most {CUSTOM_DATA_BYTES}")


def check_unchanged(old: Body, new: Body, paths: tuple[str, ...]) -> None:
    """Raise the 409 when a property that cannot change does."""
    for path in paths:
        before, after = _at(old, path), _at(new, path)
        if not path.endswith(CASE_MATTERS):
            before, after = _folded(before), _folded(after)
        if before is not None and after is not None and before != after:
            raise ArmError(
                409,
                "PropertyChangeNotAllowed",
                f"Changing property '{path}' is not allowed.",
                target=path,
            )


def _folded(value: Any) -> Any:
    """Return a value with all its texts in lower case, to compare."""
    if isinstance(value, dict):
        return {name: _folded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_folded(inner) for inner in value]
    return value.lower() if isinstance(value, str) else value


def _at(body: Body, path: str) -> Any:
    found: Any = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
