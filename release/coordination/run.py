"""One run of pytest on an environment: what all processes of it share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from release.azure.clients import Azure
from release.azure.tokens import Tokens
from release.builds import Build
from release.coordination import permit
from release.coordination.once import Once
from release.coordination.selection import Mode, Selection
from release.deploy.deployed import Deployed
from release.environments import connect
from release.journal import Journal, Kind
from release.settings import Settings
from release.verdict import Ended


@dataclass(kw_only=True)
class Run:
    """A release, or a look at one, in one of its processes."""

    settings: Settings
    selection: Selection
    build: Build
    source: Settings | None = None
    """The environment that the image comes from, unbaked; None when it is baked."""
    smoke_tests: tuple[str, ...] = ()
    """Node ids of the smoke tests selected; load tests wait for them."""
    seen: Deployed | None = None
    """What the controller saw deployed when the run began."""
    opened: list[Azure] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)
    """For all connections; each would ask the Azure CLI anew."""

    @property
    def releases(self) -> bool:
        """Whether this run may change the environment."""
        return self.selection.mode is Mode.RELEASE

    @property
    def plans(self) -> bool:
        """Whether this run only looks at what a release would do."""
        return self.selection.mode is Mode.PLAN

    @cached_property
    def journal(self) -> Journal:
        """The build's journal."""
        return self.build.journal

    @cached_property
    def once(self) -> Once:
        """Work done once a build."""
        return Once(self.build.folder, self.journal)

    @cached_property
    def azure(self) -> Azure:
        """The environment's Azure; the embedded one is started when it must be."""
        return self.connected_anew()

    def connected_anew(self) -> Azure:
        """Return a new connection: an undo also comes after an Azure that went away."""
        if self.releases:
            admit = permit.guard(self.build)
            azure = connect(self.settings, admit=admit, tokens=self.tokens)
        else:
            azure = connect(self.settings, tokens=self.tokens)
        azure.patience.tell(lambda text: self.journal.write(Kind.PROGRESS, text=text))
        self.opened.append(azure)
        return azure

    def note(self, found: Ended) -> None:
        """Write a test's end into the journal."""
        self.journal.write(
            Kind.TEST_FINISHED,
            nodeid=found.nodeid,
            outcome=str(found.outcome),
            duration_s=found.duration_s,
        )

    def close(self) -> None:
        """Close connections."""
        for azure in self.opened:
            azure.close()
