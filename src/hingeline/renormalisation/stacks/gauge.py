"""Names and signs of hidden units: changing them changes the weights and leaves the network as it is.

What a diagnosis says of a network must not depend on them. Eigenvalues of a stability matrix between hidden
layers do; its whitened singular values and the information about the input do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.stack import StochasticStack


def relabelled(
    stack: StochasticStack,
    layer: int,
    permutation: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]],
    signs: Sequence[float] | FloatArray,
) -> StochasticStack:
    """The same network with the units of one hidden layer in another order and of other signs.

    Args:
        stack: The network.
        layer: A hidden layer, from 1 to the stack's `last_hidden`.
        permutation: Which old unit each new one is, shape "w".
        signs: -1 where the new unit is the old one's opposite, else +1; shape "w", in the new order.

    Returns:
        A stack whose unit k in `layer` is signs[k] times unit permutation[k] of the old one; every input has
        the same law of the classes.

    Raises:
        InvalidInput: No hidden layer, no permutation, or signs other than -1 and +1.
    """
    if not 1 <= layer <= stack.last_hidden:
        raise InvalidInput(f"hidden layers are 1 to {stack.last_hidden}; got layer={layer}")
    order, turned = np.asarray(permutation), np.asarray(signs, dtype=np.float64)
    width = stack.widths[layer]
    if order.shape != (width,) or sorted(order.tolist()) != list(range(width)):
        raise InvalidInput(
            f"a permutation of the {width} units of layer {layer} is wanted; got {order.tolist()}"
        )
    if turned.shape != (width,) or not (np.abs(turned) == 1.0).all():
        raise InvalidInput(f"{width} signs of -1 or +1 are wanted; got {turned.tolist()}")
    weights, biases = list(stack.weights), list(stack.biases)
    weights[layer - 1] = turned[:, np.newaxis] * weights[layer - 1][order]
    biases[layer - 1] = turned * biases[layer - 1][order]
    weights[layer] = weights[layer][:, order] * turned
    return StochasticStack(weights, biases, stack.head, stack.name)
