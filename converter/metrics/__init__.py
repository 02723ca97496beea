"""Every figure that the interface names: its formula, its meaning, and whose formula it is.

Here and nowhere else stands what a name means; pages put a run's values in, the glossary tells the
same sentences. Sources in full: docs/metrics.md.
"""

from __future__ import annotations

from converter.metrics.costs import COSTS
from converter.metrics.definition import MetricDefinition
from converter.metrics.gains import GAINS
from converter.metrics.inside import INSIDE

__all__ = ["METRICS", "MetricDefinition"]

METRICS: dict[str, MetricDefinition] = {each.key: each for each in (*GAINS, *COSTS, *INSIDE)}
"""By key, in the order of the interface."""
