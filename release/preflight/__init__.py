"""Preflight: find what would stop or harm a release before anything is created."""

from release.preflight.examine import examine
from release.preflight.findings import Finding, Preflight, Severity
from release.preflight.plan import Base, Plan, Source

__all__ = ["Base", "Finding", "Plan", "Preflight", "Severity", "Source", "examine"]
