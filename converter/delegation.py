"""Which operators LiteRT handed to its delegate (XNNPACK), read off the interpreter's own nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from converter.json_figures import known_fields

DELEGATE = "DELEGATE"


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """What became of the operators of a file's first subgraph.

    Attributes:
        operators: Operators of the graph.
        delegated: Those that the delegate runs.
        partitions: Pieces in which it does; between two of them tensors change hands.
        left_names: Count of each kind of operator that built-in kernels run.
    """

    operators: int
    delegated: int
    partitions: int
    left_names: dict[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Delegated operators of all; 0 for a graph without any."""
        return self.delegated / self.operators if self.operators else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Delegation:
        """Read `to_json`'s form."""
        return cls(**known_fields(cls, values))


def find_delegated(
    names: Sequence[str], inputs: Sequence[Sequence[int]], outputs: Sequence[Sequence[int]]
) -> Delegation:
    """Tell the delegated operators from the others.

    LiteRT keeps the nodes that a delegate replaced in its list and appends one `DELEGATE` node for
    each piece that it took. A piece is what lies between that node's outputs and its inputs: it is
    found by walking back from the outputs.

    Args:
        names: The kind of each node, in the interpreter's order.
        inputs: Tensor indices that each node reads; -1 for an optional one left out.
        outputs: Tensor indices that each node writes.
    """
    count = len(names)
    while count and names[count - 1] == DELEGATE:
        count -= 1
    producer = {tensor: node for node in range(count) for tensor in outputs[node]}
    taken: set[int] = set()
    for piece in range(count, len(names)):
        border = set(inputs[piece])
        waiting = list(outputs[piece])
        while waiting:
            node = producer.get(waiting.pop())
            if node is None or node in taken:
                continue
            taken.add(node)
            waiting += [tensor for tensor in inputs[node] if tensor not in border]
    left = Counter(names[node] for node in range(count) if node not in taken)
    return Delegation(
        operators=count,
        delegated=len(taken),
        partitions=len(names) - count,
        left_names=dict(left.most_common()),
    )
