"""Values with a range or a rule, each named for what it holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field


def matches(pattern: str, rule: str) -> Callable[[str], str]:
    """Return a validator: all of the text matches, or it ``must be`` the rule."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {rule}")
        return value

    return check


def _region(value: str) -> str:
    """Take the name that Azure's answers have, not the one that its portal shows."""
    pattern, plain = r"[a-z][a-z0-9]*", value.replace(" ", "").lower()
    if not re.fullmatch(pattern, value):
        meant = f'; did you mean "{plain}"?' if re.fullmatch(pattern, plain) else ""
        raise ValueError(f"must be a region's name, such as westeurope{meant}")
    return value


Ratio = Annotated[float, Field(ge=0, le=1)]

Seconds = Annotated[float, Field(gt=0)]

Pause = Annotated[float, Field(ge=0)]

Count = Annotated[int, Field(gt=0)]

Milliseconds = Annotated[float, Field(gt=0)]

Rate = Annotated[float, Field(gt=0)]

Port = Annotated[int, Field(ge=1, le=65535)]

# It becomes the name of a folder, and a part of the names of groups.
EnvironmentName = Annotated[
    str,
    AfterValidator(
        matches(
            r"[A-Za-z0-9][\w.-]*",
            "letters, digits and any of _ . -, a letter or digit first",
        )
    ),
]

EndpointName = Annotated[
    str, AfterValidator(matches(r".*\S.*", 'the name of an endpoint, such as "GET /"'))
]

Region = Annotated[str, AfterValidator(_region)]

# The rules for names are those of Azure's "Naming rules and restrictions for
# Azure resources"; a wrong one would otherwise fail minutes into a release.
Guid = Annotated[
    str,
    AfterValidator(
        matches(
            r"([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?",
            "an id such as 22222222-2222-2222-2222-222222222222",
        )
    ),
]

GroupName = Annotated[
    str,
    AfterValidator(
        matches(
            r"[\w().-]{0,89}[\w()-]",
            "1 to 90 letters, digits and any of _ - . ( ), not ending in a dot",
        )
    ),
]

AccountName = Annotated[
    str,
    AfterValidator(
        matches(r"([a-z0-9]{3,24})?", "3 to 24 lower-case letters and digits")
    ),
]

GalleryName = Annotated[
    str,
    AfterValidator(
        matches(
            r"[A-Za-z0-9]([A-Za-z0-9_.]{0,78}[A-Za-z0-9])?",
            "1 to 80 letters, digits, dots and underscores (no hyphens), "
            "a letter or digit at both ends",
        )
    ),
]

DefinitionName = Annotated[
    str,
    AfterValidator(
        matches(
            r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9])?",
            "1 to 80 letters, digits and any of _ - ., a letter or digit at both ends",
        )
    ),
]

# Narrower than Azure's rule: the name is the prefix of the host names too.
ScaleSetName = Annotated[
    str,
    AfterValidator(
        matches(
            r"[A-Za-z0-9]([A-Za-z0-9-]{0,52}[A-Za-z0-9])?",
            "1 to 54 letters, digits and hyphens, a letter or digit at both ends",
        )
    ),
]

UserName = Annotated[
    str,
    AfterValidator(
        matches(
            r"(?!(?:admin|administrator|root|guest|test|user|console|sys)$)"
            r"[a-z_][a-z0-9_-]{0,31}",
            "1 to 32 of a-z 0-9 _ -, starting with a letter, and none of the "
            "names that Azure refuses (admin, root, test, user, ...)",
        )
    ),
]

HttpsUrl = Annotated[
    str,
    AfterValidator(
        matches(r"(https://[^/\s?#]+/?)?", "an address such as https://arm.example.net")
    ),
]

BlobUrl = Annotated[
    str,
    AfterValidator(
        matches(
            r"(https://[^\s?#]*\{account\}[^\s?#]*)?",
            "an address such as https://{account}.blob.example.net",
        )
    ),
]

HostPort = Annotated[
    str,
    AfterValidator(
        matches(r"[^\s:/]+(:\d{1,5})?", "an address such as 10.0.0.4 or 10.0.0.4:5557")
    ),
]
ContainerUrl = Annotated[
    str,
    AfterValidator(
        matches(
            r"(https://[a-z0-9]{3,24}\.[^/\s?#]+"
            r"/(\$web|(?=[^/]{3,63}(/|$))[a-z0-9](-?[a-z0-9])*)(/[^\s?#]*)?)?",
            "a container, such as https://myaccount.blob.core.windows.net/$web",
        )
    ),
]
UrlPath = Annotated[str, AfterValidator(matches(r"/\S*", "a path that starts with /"))]

BaseImage = Annotated[
    str,
    AfterValidator(
        matches(
            r"([\w.-]+:[\w.-]+:[\w.-]+)?",
            "PUBLISHER:OFFER:SKU, such as Debian:debian-12:12-gen2",
        )
    ),
]
