"""The strings that signatures are made of. Pure.

Sources: "Authorize with Shared Key", "Create a service SAS", "Create a user
delegation SAS" and "Create an account SAS" in the REST reference of Azure Storage.
Versions are dates and compare as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

_SIGNED_HEADERS = (
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "Date",
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Range",
)
_OVERRIDES = ("rscc", "rscd", "rsce", "rscl", "rsct")
_DELEGATION = ("skoid", "sktid", "skt", "ske", "sks", "skv")


def shared_key(
    *,
    method: str,
    headers: Iterable[tuple[str, str]],
    account: str,
    raw_path: str,
    query: Iterable[tuple[str, str]],
    order: Callable[[str], str],
) -> str:
    """Return what a shared key signs.

    Args:
        method: HTTP method.
        headers: As they came.
        account: The account.
        raw_path: As it came, escapes and, for path-style URLs, the account included.
        query: Names in lower case, values decoded.
        order: `ordinal` or `culture`: how `x-ms-` headers are sorted.
    """
    had = {name.lower(): value.strip() for name, value in headers}
    if had.get("content-length") == "0":
        had["content-length"] = ""
    if "x-ms-date" in had:
        had["date"] = ""
    ours = sorted((n for n in had if n.startswith("x-ms-")), key=order)
    values: dict[str, list[str]] = {}
    for name, value in query:
        values.setdefault(name, []).append(value)
    return "\n".join(
        (
            method,
            *(had.get(name.lower(), "") for name in _SIGNED_HEADERS),
            *(f"{name}:{had[name]}" for name in ours),
            f"/{account}{raw_path}",
            *(f"{name}:{','.join(sorted(values[name]))}" for name in sorted(values)),
        )
    )


def ordinal(name: str) -> str:
    """Sort as the documentation says: by character."""
    return name


def culture(name: str) -> str:
    """Sort as the Python SDK says that the service does: hyphens do not count."""
    return name.replace("-", "").replace("_", "!")


def account_sas(account: str, query: Mapping[str, str]) -> str:
    """Return what an account SAS signs."""
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if query.get("sv", "") >= "2020-12-06":
        names.append("ses")
    return "\n".join((account, *(query.get(name, "") for name in names), ""))


def service_sas(resource: str, query: Mapping[str, str], snapshot: str = "") -> str:
    """Return what a service SAS signs.

    Args:
        resource: `/account/container` or `/account/container/blob`, decoded.
        query: The URL's.
        snapshot: The snapshot's time, for `sr=bs`.
    """
    version = query.get("sv", "")
    parts = [query.get(name, "") for name in ("sp", "st", "se")]
    parts.append("/blob" + resource if version >= "2015-02-21" else resource)
    parts.append(query.get("si", ""))
    if version >= "2015-04-05":
        parts += [query.get("sip", ""), query.get("spr", "")]
    parts.append(version)
    parts += _resource_fields(version, query, snapshot)
    parts += [query.get(name, "") for name in _OVERRIDES]
    return "\n".join(parts)


def user_delegation_sas(
    resource: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    snapshot: str = "",
) -> str:
    """Return what a user delegation SAS signs.

    Args:
        resource: As for `service_sas`.
        query: The URL's.
        headers: The request's: those that `srh` names are signed.
        snapshot: The snapshot's time, for `sr=bs`.
    """
    version = query.get("sv", "")
    parts = [query.get(name, "") for name in ("sp", "st", "se")]
    parts.append("/blob" + resource)
    parts += [query.get(name, "") for name in _DELEGATION]
    if version >= "2020-02-10":
        parts += [query.get(name, "") for name in ("saoid", "suoid", "scid")]
    if version >= "2025-07-05":
        parts += [query.get("skdutid", ""), query.get("sduoid", "")]
    parts += [query.get(name, "") for name in ("sip", "spr")]
    parts.append(version)
    parts += _resource_fields(version, query, snapshot)
    if version >= "2026-04-06":
        named = [name for name in query.get("srh", "").split(",") if name]
        parts.append("".join(f"{name}:{headers.get(name, '')}\n" for name in named))
        named = [name for name in query.get("srq", "").split(",") if name]
        parts.append("".join(f"\n{n}:{query.get(n.lower(), '')}" for n in named))
    parts += [query.get(name, "") for name in _OVERRIDES]
    return "\n".join(parts)


def _resource_fields(
    version: str, query: Mapping[str, str], snapshot: str
) -> list[str]:
    if version < "2018-11-09":
        return []
    fields = [query.get("sr", ""), snapshot]
    return [*fields, query.get("ses", "")] if version >= "2020-12-06" else fields


def delegation_key(query: Mapping[str, str]) -> str:
    """Return what an account signs to make a user delegation key.

    Azure's own way is not public. This one needs no record of the keys given out:
    a SAS carries all of it, and a new account key ends it, as on Azure.
    """
    return "\n".join(query.get(name, "") for name in (*_DELEGATION, "skdutid"))
