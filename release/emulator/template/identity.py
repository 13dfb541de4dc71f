"""How resource ids are put together from types and names."""

from __future__ import annotations

from collections.abc import Sequence

from release.emulator.template.errors import Refused


def relative(type_: str, names: Sequence[str]) -> str:
    """Return ``Namespace/type/name/subtype/subname``.

    >>> relative("Microsoft.Network/virtualNetworks/subnets", ["net", "front"])
    'Microsoft.Network/virtualNetworks/net/subnets/front'
    """
    namespace, *kinds = type_.split("/")
    pairs = (f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True))
    return "/".join([namespace, *pairs])


def under(scope: str, type_: str, names: Sequence[str]) -> str:
    """Return the id of a resource in a scope, which is itself an id or empty."""
    if type_.lower() == "microsoft.resources/resourcegroups":
        return f"{scope}/resourceGroups/{names[0]}"
    if type_.lower() == "microsoft.resources/subscriptions":
        return f"/subscriptions/{names[0]}"
    return f"{scope.rstrip('/')}/providers/{relative(type_, names)}"


def split_arguments(
    name: str, given: Sequence[str], prefixes: int
) -> tuple[list[str], str, list[str]]:
    """Part the arguments of ``resourceId`` and the like.

    Args:
        name: The function, for messages.
        given: All its arguments.
        prefixes: How many may stand before the resource type.

    Returns:
        What stands before the type, the type, the names.

    Raises:
        Refused: There is no type among them, or too many or few names.
    """
    at = next((i for i, text in enumerate(given[: prefixes + 1]) if "/" in text), None)
    if at is None:
        raise Refused(
            f"Unable to evaluate template language function '{name}': the first "
            f"argument(s) must be followed by a resource type such as "
            f"'Microsoft.Compute/virtualMachines'. The provided arguments are "
            f"'{', '.join(given)}'. Please see "
            f"https://aka.ms/arm-functions-resource#{name.lower()} for usage details."
        )
    type_, names = given[at].strip("/"), list(given[at + 1 :])
    wanted = type_.count("/")
    if len(names) != wanted:
        raise Refused(
            f"Unable to evaluate template language function '{name}': the type "
            f"'{type_}' requires '{wanted}' resource name argument(s). Please see "
            f"https://aka.ms/arm-functions-resource#{name.lower()} for usage details."
        )
    return list(given[:at]), type_, names
