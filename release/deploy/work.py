"""What a roll-out works with: where, how, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.polling import LROPoller
from azure.mgmt.compute import models

from release.azure.clients import Azure
from release.azure.operations import call, carry_out, collect
from release.journal import Journal, Kind
from release.settings import Environment

Begin = Callable[[str, str], LROPoller[Any]]
"""Begins an operation on a scale set, given its resource group and its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One stage's work on one scale set.

    Attributes:
        azure: Where.
        env: The environment.
        journal: Told of everything.
        stage: The stage that it belongs to.
    """

    azure: Azure
    env: Environment
    journal: Journal
    stage: str

    def progress(self, text: str) -> None:
        """Tell what is happening."""
        self.journal.write(Kind.PROGRESS, stage=self.stage, text=text)

    def operate(
        self,
        doing: str,
        begin: Begin,
        *,
        done: Callable[[], bool] = lambda: False,
    ) -> None:
        """Carry a long operation on the scale set out, again where that helps.

        Args:
            doing: What is begun, as a clause.
            begin: Takes resource group and scale set.
            done: Looks whether it was done after all, before it is begun again.

        Raises:
            AzureError: Azure refused or failed.
            WaitTimedOut: It goes on.
        """
        env = self.env
        carry_out(
            self.azure,
            doing,
            lambda: begin(env.resource_group, env.scale_set),
            done=done,
            timeout_s=env.deploy_timeout_s,
            progress=self.progress,
        )

    def change(self, doing: str, update: models.VirtualMachineScaleSetUpdate) -> None:
        """Change the scale set's model; see `operate`."""
        self.operate(doing, self._changing(update))

    def change_once(
        self,
        doing: str,
        update: models.VirtualMachineScaleSetUpdate,
        *,
        timeout_s: float,
        meanwhile: Callable[[], None],
    ) -> None:
        """Change the model by a request that is not sent again, and look meanwhile.

        Raises:
            AzureError: Azure refused or failed.
            WaitTimedOut: It goes on.
        """
        begin, env = self._changing(update), self.env
        collect(
            self.azure,
            doing,
            call(self.azure, doing, lambda: begin(env.resource_group, env.scale_set)),
            timeout_s=timeout_s,
            progress=self.progress,
            meanwhile=meanwhile,
        )

    def _changing(self, update: models.VirtualMachineScaleSetUpdate) -> Begin:
        scale_sets = self.azure.compute.virtual_machine_scale_sets
        return lambda group, name: scale_sets.begin_update(group, name, update)
