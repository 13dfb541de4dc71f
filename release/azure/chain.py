"""Pure: which credential signs in, why, and why not the others.

The choice hangs on the variables alone, and on whether the Azure CLI is installed:
nothing is tried out, so the same machine always signs in as the same principal. What
is given by halves is refused; it must not end in somebody else's login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from release.settings import Account, variables_of


class Way(StrEnum):
    """How to sign in, the first one that is given first."""

    SECRET = "client secret"  # noqa: S105 - what it is called
    CERTIFICATE = "client certificate"
    WORKLOAD = "workload identity"
    GITHUB = "GitHub OIDC"
    PIPELINES = "Azure Pipelines OIDC"
    MANAGED = "managed identity"
    CLI = "Azure CLI"


OIDC = (Way.WORKLOAD, Way.GITHUB, Way.PIPELINES)
MARKS: Mapping[Way, str] = {
    Way.SECRET: "client_secret",
    Way.CERTIFICATE: "client_certificate_path",
    Way.WORKLOAD: "federated_token_file",
    Way.GITHUB: "github_request_url",
    Way.PIPELINES: "pipelines_request_url",
    Way.MANAGED: "identity_endpoint",
}
"""What an account has when a way was meant."""
NEEDS: Mapping[Way, Sequence[str]] = {
    Way.SECRET: ("tenant_id", "client_id"),
    Way.CERTIFICATE: ("tenant_id", "client_id"),
    Way.WORKLOAD: ("tenant_id", "client_id"),
    Way.GITHUB: ("tenant_id", "client_id", "github_request_token"),
    Way.PIPELINES: (
        "tenant_id",
        "client_id",
        "pipelines_request_token",
        "service_connection_id",
    ),
    Way.MANAGED: (),
    Way.CLI: (),
}
"""What else it must have then."""
AMBIENT = frozenset({Way.GITHUB, Way.PIPELINES})
"""Marked by every job of the CI system, whether or not it is to sign in so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The credential that signs in."""

    way: Way | None
    """None when there is none, or only half of one."""
    why: str
    """Why this one; or what is missing."""
    fix: str = ""
    """What to do when there is none."""
    passed_over: Mapping[Way, str]
    """The others, each with why not."""

    def __str__(self) -> str:
        first = f"{self.way}: {self.why}" if self.way else self.why
        return "\n".join(
            [first, *(f"not {way}: {why}" for way, why in self.passed_over.items())]
        )


def choose(account: Account, *, az: bool) -> Choice:
    """Choose how to sign in.

    Args:
        account: What the variables say.
        az: Whether the Azure CLI is installed.
    """
    passed_over: dict[Way, str] = {}
    chosen: Choice | None = None
    for way in order(account):
        if chosen is not None:
            passed_over[way] = _absent(account, way, az=az) or _later(chosen, account)
            continue
        absent = _absent(account, way, az=az)
        lacking = [name for name in NEEDS[way] if not given(account, name)]
        if way is Way.CLI and account.client_id:
            # A client that nothing proves must not become the one of az login.
            chosen = _half_client()
        elif absent:
            passed_over[way] = absent
        elif lacking and way in AMBIENT and not account.use_oidc:
            passed_over[way] = f"{_names(lacking[0])} is not set"
        elif lacking:
            chosen = _half(way, lacking)
        else:
            chosen = Choice(way=way, why=_why(account, way), passed_over={})
    found = chosen or _none()
    return Choice(way=found.way, why=found.why, fix=found.fix, passed_over=passed_over)


def order(account: Account) -> list[Way]:
    """Return the ways in the order that they are considered in."""
    first: tuple[Way, ...] = ()
    if account.use_oidc:
        first = OIDC
    elif account.use_msi:
        first = (Way.MANAGED,)
    return [*first, *(way for way in Way if way not in first)]


def given(account: Account, name: str) -> bool:
    """Tell whether a part of an account was given."""
    return bool(getattr(account, name) != Account.model_fields[name].default)


def _absent(account: Account, way: Way, *, az: bool) -> str:
    """Return why a way was not meant, or ""."""
    if way is Way.CLI:
        return "" if az else "az is not installed"
    if way is Way.MANAGED and account.use_msi:
        return ""
    if given(account, MARKS[way]):
        return ""
    asked = " and ARM_USE_MSI is not true" if way is Way.MANAGED else ""
    return f"{_names(MARKS[way])} is not set{asked}"


def _why(account: Account, way: Way) -> str:
    client = account.client_id
    if way is Way.CLI:
        return "az is installed, and nothing else is given"
    if way is Way.MANAGED:
        whose = f"{client}, assigned by a user" if client else "of this machine"
        named = "ARM_USE_MSI is true" if account.use_msi else "IDENTITY_ENDPOINT is set"
        return f"{whose}; {named}"
    asked = ", and ARM_USE_OIDC is true" if way in OIDC and account.use_oidc else ""
    return f"of {client}; {_names(MARKS[way])} is set{asked}"


def _later(chosen: Choice, account: Account) -> str:
    asked = account.use_oidc or account.use_msi
    said = chosen.way or "what is half given"
    return f"{said} {'is asked for' if asked else 'comes first'}"


def _half(way: Way, lacking: Sequence[str]) -> Choice:
    missing = " and ".join(_names(name) for name in lacking)
    unset = f", or unset {_names(MARKS[way])}" if way not in AMBIENT else ""
    return Choice(
        way=None,
        why=f"only a part of {way}: {missing} is not set",
        fix=f"set {missing}{unset}",
        passed_over={},
    )


def _half_client() -> Choice:
    return Choice(
        way=None,
        why=f"only a part of one: {_names('client_id')} is set, and nothing proves it",
        fix=f"set {_names('client_secret')}, or another way of docs/azure.md; to use "
        f"the Azure CLI's login, unset {_names('client_id')}",
        passed_over={},
    )


def _none() -> Choice:
    return Choice(
        way=None,
        why="none: no variable names one",
        fix="set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or another way "
        "of docs/azure.md; or install the Azure CLI and run az login",
        passed_over={},
    )


def _names(field: str) -> str:
    return " or ".join(variables_of(field)[:2])
