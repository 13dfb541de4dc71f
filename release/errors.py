"""Every error that a person may meet, in one tree.

ReleaseError
├── SettingsError        release.toml, a variable or an option is wrong (exit 4)
├── UsageError           the command line asks for what cannot be (exit 4)
├── ToolMissing          a program that a release needs is not installed
├── AzureError           Azure, or the embedded one, refused or failed; carries a code
├── WaitTimedOut         a goal was not reached in time; carries what was last seen
├── PreflightFailed      the release would fail or harm: nothing was begun
├── BakeFailed           the recipe's own commands failed; carries their last lines
├── DeployFailed         the scale set does not run what it should
│   ├── IdentityMismatch an instance answers with another build
│   ├── CanaryFailed     the first upgraded instance answers worse than an old one
│   └── CanaryUnclear    it could not be told in time whether it does
├── LockLost             the right to change an environment ended in the middle
├── LoadFailed           Locust itself could not run or measured nothing
├── ArchiveFailed        a build could not be kept, or not be sent; its verdict stands
└── EmulatorFailed       the embedded Azure does not start or answer
"""

from __future__ import annotations

from release.redaction import redact


class ReleaseError(Exception):
    """Say what happened, to which name and value, and what to do about it.

    Args:
        what: One sentence: the name, the value seen, the value expected.
        fix: What the reader can do now, as an instruction.
    """

    def __init__(self, what: str, *, fix: str) -> None:
        self.what = redact(what)
        self.fix = redact(fix)
        super().__init__(self.what)

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}"


class SettingsError(ReleaseError):
    """release.toml, a process variable or an option holds something unusable.

    Where it lists problems, each line says how to put it right.
    """

    def __str__(self) -> str:
        return self.what if "\n" in self.what else super().__str__()


class UsageError(ReleaseError):
    """The command line asks for something that cannot be."""


class ToolMissing(ReleaseError):
    """A program that this release needs is not installed."""


class AzureError(ReleaseError):
    """Azure answered with an error.

    Args:
        code: The innermost Azure error code, such as ``AllocationFailed``.
        retryable: Whether the same request may succeed later.
        elsewhere: Whether it may succeed with another size or in another zone.
    """

    def __init__(
        self,
        what: str,
        *,
        fix: str,
        code: str,
        retryable: bool = False,
        elsewhere: bool = False,
    ) -> None:
        super().__init__(what, fix=fix)
        self.code = code
        self.retryable = retryable
        self.elsewhere = elsewhere


class WaitTimedOut(ReleaseError):
    """A goal was not reached in time.

    Args:
        last_seen: What the last look showed.
    """

    def __init__(self, what: str, *, fix: str, last_seen: str) -> None:
        super().__init__(what, fix=fix)
        self.last_seen = last_seen


class PreflightFailed(ReleaseError):
    """The preflight found what stops a release; nothing was created."""


class BakeFailed(ReleaseError):
    """The image could not be made."""


class DeployFailed(ReleaseError):
    """The scale set does not run what it should."""


class IdentityMismatch(DeployFailed):
    """An instance answers with another build than the one released."""


class CanaryFailed(DeployFailed):
    """The first upgraded instance answers worse than an old one beside it."""


class CanaryUnclear(DeployFailed):
    """It could not be told in time whether the first upgraded instance is worse."""


class LockLost(ReleaseError):
    """Somebody else may change the environment now: this release must not."""


class LoadFailed(ReleaseError):
    """Locust could not run, or measured nothing."""


class ArchiveFailed(ReleaseError):
    """A build's files could not be archived, or not be uploaded."""


class EmulatorFailed(ReleaseError):
    """The embedded Azure does not start or does not answer."""
