"""Variables: evaluated once, when first needed; they may refer to each other."""

from __future__ import annotations

from dataclasses import replace

from release.emulator.template.errors import TemplateError
from release.emulator.template.evaluate import Context, Evaluator, is_property_copy
from release.emulator.template.values import Json


class Variables:
    """The variables of one template.

    Args:
        context: What they may refer to; they refer to each other as well.
    """

    def __init__(self, context: Context) -> None:
        declared = context.template.get("variables") or {}
        if not isinstance(declared, dict):
            raise TemplateError(
                "Deployment template parse failed: 'The template variables must be an "
                "object.'.",
                path="variables",
            )
        self._context = replace(context, variables=self)
        copies = declared.get("copy")
        self._copies = {
            str(copy["name"]).lower(): (copy, f"variables.copy[{at}]")
            for at, copy in enumerate(copies or [])
            if is_property_copy(copies)
        }
        self._declared = {
            name.lower(): (value, f"variables.{name}")
            for name, value in declared.items()
            if not (name == "copy" and self._copies)
        }
        self._found: dict[str, Json] = {}
        self._underway: list[str] = []

    def evaluate_all(self) -> None:
        """Evaluate all, so that a wrong one is found although nothing uses it."""
        for name in (*self._declared, *self._copies):
            self.look_up(name)

    def look_up(self, name: str) -> Json:
        """Return a variable's value; KeyError when there is none."""
        key = name.lower()
        if key not in self._found:
            if key in self._underway:
                circle = " -> ".join(
                    [*self._underway[self._underway.index(key) :], key]
                )
                raise TemplateError(
                    "Deployment template validation failed: 'The template variables "
                    f"'{circle}' refer to each other. Please see "
                    "https://aka.ms/arm-syntax-variables for usage details.'.",
                    path=f"variables.{name}",
                )
            self._underway.append(key)
            try:
                self._found[key] = self._evaluate(key)
            finally:
                self._underway.pop()
        return self._found[key]

    def _evaluate(self, key: str) -> Json:
        lead = (
            f"Deployment template validation failed: 'The template variable '{key}' is "
            "not valid: {}'."
        )
        evaluator = Evaluator(self._context, lead)
        if key in self._copies:
            return evaluator.copied(*self._copies[key])
        return evaluator.value(*self._declared[key])
