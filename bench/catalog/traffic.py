"""Memory that a call reads and writes, in elements."""

from __future__ import annotations

from .activations import find_reference
from .cases import Case


def elements_moved(case: Case) -> float:
    """The elements that a call must read and write, in multiples of the input's.

    Forward reads x and writes y; backward reads x and the upstream and writes the gradient; both
    does all of that.
    """
    activation = find_reference(case.activation)
    output = activation.output_share(case.length)
    forward, backward = 1 + output, 2 + output
    return {"forward": forward, "backward": backward, "both": forward + backward}[case.direction]
