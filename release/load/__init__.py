"""Send load with Locust, and judge what was measured.

The door holds only what every test may need: the rest imports numpy and SciPy, which
nothing before the load waits for.
"""

from release.load.gate import Canary, Comparison, Gate, Outcome, compared

__all__ = ["Canary", "Comparison", "Gate", "Outcome", "compared"]
