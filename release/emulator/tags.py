"""What tags there may be. Pure."""

from __future__ import annotations

from typing import Final

from release.emulator.errors import bad_request

MOST_TAGS: Final = 50
LONGEST_NAME, LONGEST_VALUE = 512, 256


def check_tags(tags: object) -> None:
    """Raise the 400 for tags that there cannot be.

    https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
    """
    if not isinstance(tags, dict):
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: 'An "
            "object is expected. Path 'tags'.'.",
        )
    if len(tags) > MOST_TAGS:
        raise bad_request(
            "TooManyTags",
            f"The number of tags '{len(tags)}' is more than the {MOST_TAGS} that a "
            "resource may have.",
        )
    for name, value in tags.items():
        if not isinstance(value, str):
            raise bad_request(
                "InvalidTagValue",
                f"The value of tag '{name}' must be a string and is {value!r}.",
            )
        if len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE:
            raise bad_request(
                "InvalidTag",
                f"Tag '{name[:40]}' is too long: a name has at most {LONGEST_NAME} "
                f"characters, a value {LONGEST_VALUE}.",
            )
