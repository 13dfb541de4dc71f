"""What can be wrong with a template, and how it is said.

The first line of a message follows the wording that Azure Resource Manager uses, so
that people and programs that know it find what they know. Azure then gives a line and
a column of the request body; here the path inside the template and the expression
with a caret under the place are shown instead.
"""

from __future__ import annotations


class Refused(Exception):
    """A function or an expression cannot be evaluated; where is not known yet.

    Args:
        message: A sentence in Azure's wording.
        offset: Zero-based place in the expression, brackets not counted.
        code: The error code that Azure would answer with.
    """

    def __init__(
        self, message: str, *, offset: int | None = None, code: str = "InvalidTemplate"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.code = code


class TemplateError(Exception):
    """A template, or the parameters given to it, cannot be deployed.

    Args:
        message: The whole text for the error envelope.
        code: Such as ``InvalidTemplate``.
        path: Where in the template, such as ``resources[2].properties.sku``.
        expression: The expression at fault, with its brackets.
        offset: Zero-based place in ``expression``.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "InvalidTemplate",
        path: str = "",
        expression: str | None = None,
        offset: int | None = None,
    ) -> None:
        self.code = code
        self.path = path
        self.expression = expression
        self.offset = offset
        self.summary = message
        self.message = message + drawn(path, expression, offset)
        super().__init__(self.message)


def drawn(path: str, expression: str | None, offset: int | None) -> str:
    """Return lines that name the place and put a caret under it.

    >>> print(drawn("outputs.a.value", "[foo()]", 1))
    <BLANKLINE>
      outputs.a.value: [foo()]
                        ^
    """
    if not path:
        return ""
    if expression is None:
        return f"\n  at {path}"
    line = f"\n  {path}: {expression}"
    if offset is None or "\n" in expression:
        return line
    return f"{line}\n{' ' * (len(path) + 4 + offset)}^"


def refused_at(error: Refused, path: str, expression: str, lead: str) -> TemplateError:
    """Place a refusal: ``lead`` is a sentence with ``{}`` for what was refused."""
    offset = None if error.offset is None else error.offset + 1
    return TemplateError(
        lead.format(error.message),
        code=error.code,
        path=path,
        expression=expression,
        offset=offset,
    )
