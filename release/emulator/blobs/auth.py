"""Who asks, and what that allows: shared key, the kinds of SAS, bearer, nobody."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from release.emulator.blobs import signature
from release.emulator.blobs.accounts import Account, Identity, Tokens, sign
from release.emulator.blobs.address import Address
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Container
from release.emulator.blobs.times import parse_http_date, parse_iso

_CLOCK_SKEW = timedelta(minutes=15)
_ALL = "racwdxyltfmeiop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A request, as far as it says who asks for what."""

    method: str
    raw_path: str
    headers: Mapping[str, str]
    """Names compare without case."""
    query: tuple[tuple[str, str], ...]
    remote: str
    """The client's IP address."""
    now: datetime

    @property
    def fields(self) -> dict[str, str]:
        """The query by name."""
        return dict(self.query)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a request may do."""

    how: str
    """`key`, `bearer`, `sas` (of the account), `service-sas` or `public`."""
    permissions: str = _ALL
    """Letters as in a SAS."""
    resource_types: str = "sco"
    """Letters as in an account SAS."""
    identity: Identity | None = None
    overrides: Mapping[str, str] | None = None
    """Response headers that a SAS asks for."""

    def allows(self, any_of: str) -> bool:
        """Whether it has one of some permissions."""
        return bool(set(any_of) & set(self.permissions))


_OVERRIDES = {
    "rscc": "Cache-Control",
    "rscd": "Content-Disposition",
    "rsce": "Content-Encoding",
    "rscl": "Content-Language",
    "rsct": "Content-Type",
}


def authenticate(
    ask: Ask,
    *,
    address: Address,
    account: Account,
    container: Container | None,
    tokens: Tokens,
    challenge: str,
) -> Grant:
    """Find out who asks.

    Args:
        ask: The request.
        address: What it points at.
        account: The account that it names.
        container: The container that it names, if that exists.
        tokens: Tells who a bearer token is.
        challenge: The value of `WWW-Authenticate` of a 401.

    Raises:
        BlobError: The signature or token is wrong, expired or absent.
    """
    authorization = ask.headers.get("Authorization", "")
    scheme, _, credential = authorization.partition(" ")
    if "sig" in ask.fields:
        return _sas(ask, address, account, container, tokens)
    if scheme == "SharedKey":
        return _shared_key(ask, account, credential)
    if scheme.lower() == "bearer":
        identity = tokens(credential.strip())
        if identity is None:
            raise BlobError(
                "InvalidAuthenticationInfo",
                "The bearer token is unknown or expired.",
                headers={"WWW-Authenticate": challenge},
            )
        return Grant(how="bearer", identity=identity)
    if scheme:
        raise BlobError(
            "InvalidAuthenticationInfo",
            f"Authorization scheme '{scheme}' is not served; SharedKey and Bearer are.",
            headers={"WWW-Authenticate": challenge},
            status=400,
        )
    return _public(address, account, container, challenge)


def _public(
    address: Address, account: Account, container: Container | None, challenge: str
) -> Grant:
    level = container.public if container and account.public_allowed else ""
    if level == "container":
        return Grant(how="public", permissions="rl")
    if level == "blob" and address.blob:
        return Grant(how="public", permissions="r")
    raise BlobError(
        "NoAuthenticationInformation", headers={"WWW-Authenticate": challenge}
    )


# --- shared key -----------------------------------------------------------


def _shared_key(ask: Ask, account: Account, credential: str) -> Grant:
    _check_key_allowed(account)
    name, _, given = credential.partition(":")
    if name.lower() != account.name:
        raise _failed(f"The account '{name}' does not own this URL.")
    moment = parse_http_date(
        ask.headers.get("x-ms-date") or ask.headers.get("Date") or ""
    )
    if moment is None:
        raise _failed("Neither x-ms-date nor Date holds a time.")
    if abs(ask.now - moment) > _CLOCK_SKEW:
        raise _failed(f"Request date header too old: '{moment:%a, %d %b %Y %H:%M:%S}'")
    texts = [
        signature.shared_key(
            method=ask.method,
            headers=ask.headers.items(),
            account=account.name,
            raw_path=ask.raw_path,
            query=ask.query,
            order=order,
        )
        for order in (signature.ordinal, signature.culture)
    ]
    if not any(_signed(account.keys, text, given) for text in texts):
        raise _failed(
            f"The MAC signature found in the HTTP request '{given}' is not the same"
            f" as any computed signature. Server used following string to sign:"
            f" {texts[0]!r}."
        )
    return Grant(how="key")


def _signed(keys: tuple[str, ...], text: str, given: str) -> bool:
    raw = given.encode(errors="replace")
    return any(hmac.compare_digest(sign(key, text).encode(), raw) for key in keys)


def _check_key_allowed(account: Account) -> None:
    if not account.shared_key_allowed:
        raise BlobError("KeyBasedAuthenticationNotPermitted")


# --- shared access signatures ---------------------------------------------


def _sas(
    ask: Ask,
    address: Address,
    account: Account,
    container: Container | None,
    tokens: Tokens,
) -> Grant:
    fields = ask.fields
    if "skoid" in fields:
        _check_delegated(ask, address, account, tokens)
        how = "service-sas"
    elif "srt" in fields:
        _check_key_allowed(account)
        _check_signature(account.keys, signature.account_sas(account.name, fields), ask)
        if "b" not in fields.get("ss", ""):
            raise BlobError("AuthorizationServiceMismatch")
        how = "sas"
    else:
        _check_key_allowed(account)
        text = signature.service_sas(_resource(address, fields), fields)
        _check_signature(account.keys, text, ask)
        fields = _with_policy(fields, container)
        how = "service-sas"
    _check_limits(fields, ask)
    return Grant(
        how=how,
        permissions=fields.get("sp", ""),
        resource_types=fields.get("srt", "sco"),
        overrides={
            header: fields[name]
            for name, header in _OVERRIDES.items()
            if name in fields
        },
    )


def _check_delegated(
    ask: Ask, address: Address, account: Account, tokens: Tokens
) -> None:
    fields = ask.fields
    keys = tuple(sign(key, signature.delegation_key(fields)) for key in account.keys)
    text = signature.user_delegation_sas(
        _resource(address, fields), fields, ask.headers
    )
    _check_signature(keys, text, ask)
    _check_time(fields.get("skt", ""), fields.get("ske", ""), ask.now)
    wanted = fields.get("sduoid")
    if wanted:
        token = ask.headers.get("Authorization", "").removeprefix("Bearer ")
        identity = tokens(token)
        if identity is None or identity.object_id != wanted:
            raise _failed(f"The signature is for the user '{wanted}' alone.")


def _resource(address: Address, fields: Mapping[str, str]) -> str:
    kind = fields.get("sr", "")
    if kind == "c" and address.container:
        return f"/{address.account}/{address.container}"
    if kind == "b" and address.blob:
        return f"/{address.account}/{address.container}/{address.blob}"
    if kind in {"b", "c"}:
        raise BlobError("AuthorizationResourceTypeMismatch")
    raise _failed(f"sr={kind} is not served; b and c are.")


def _check_signature(keys: tuple[str, ...], text: str, ask: Ask) -> None:
    if not _signed(keys, text, ask.fields["sig"]):
        raise _failed(
            f"Signature did not match. String to sign used was {text!r}",
        )


def _with_policy(fields: dict[str, str], container: Container | None) -> dict[str, str]:
    policy_id = fields.get("si")
    if not policy_id:
        return fields
    policy = container.policies.get(policy_id) if container else None
    if policy is None:
        raise _failed(f"There is no stored access policy '{policy_id}'.")
    names = {"Start": "st", "Expiry": "se", "Permission": "sp"}
    return {**fields, **{names[n]: v for n, v in policy.items() if v}}


def _check_limits(fields: Mapping[str, str], ask: Ask) -> None:
    if not fields.get("sp"):
        raise _failed("sp is mandatory. Cannot be empty")
    _check_time(fields.get("st", ""), fields.get("se", ""), ask.now)
    allowed = fields.get("spr", "https,http").split(",")
    if "https" not in allowed:
        raise BlobError("AuthorizationProtocolMismatch")
    if fields.get("sip"):
        _check_ip(fields["sip"], ask.remote)


def _check_time(start_text: str, expiry_text: str, now: datetime) -> None:
    start, expiry = parse_iso(start_text), parse_iso(expiry_text)
    if expiry is None:
        raise _failed("se is mandatory. Cannot be empty")
    if start_text and start is None:
        raise _failed(f"st is no time: {start_text}")
    if now >= expiry or (start and now < start):
        raise _failed(
            "Signature not valid in the specified time frame: Start"
            f" [{start_text}] - Expiry [{expiry_text}] - Current [{now:%FT%TZ}]"
        )


def _check_ip(allowed: str, remote: str) -> None:
    first, _, last = allowed.partition("-")
    try:
        low = ipaddress.ip_address(first)
        high = ipaddress.ip_address(last or first)
    except ValueError as error:
        raise _failed(f"sip is no address or range: {allowed}") from error
    if not int(low) <= int(ipaddress.ip_address(remote)) <= int(high):
        raise BlobError("AuthorizationSourceIPMismatch", f"Source: {remote}")


def _failed(detail: str) -> BlobError:
    return BlobError(
        "AuthenticationFailed", fields={"AuthenticationErrorDetail": detail}
    )
