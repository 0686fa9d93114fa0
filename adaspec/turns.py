"""What takes long is computed by one viewer's thread at a time, and once for all who ask for it.

Python runs one thread at a time: where ten viewers compute, the eleventh gets a tenth of it for a
page that is quick. Each function has turns of its own: a quick one does not wait for a slow one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_found = threading.Lock()  # guards what is remembered: nobody waits for long


def once(most: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Remember the last `most` results of a function; new ones are computed in turn.

    Its arguments are hashable, and its results are shared: not to be changed.
    """

    def decorate(compute: Callable[P, R]) -> Callable[P, R]:
        results: OrderedDict[Hashable, Any] = OrderedDict()  # the last asked for comes last
        turn = threading.Lock()

        def known(key: Hashable) -> list[R]:
            with _found:
                if key not in results:
                    return []
                results.move_to_end(key)
                return [results[key]]

        @wraps(compute)
        def shared(*arguments: P.args, **named: P.kwargs) -> R:
            key = (arguments, *sorted(named.items()))
            if there := known(key):
                return there[0]
            with turn:
                if there := known(key):  # somebody else computed it meanwhile
                    return there[0]
                result = compute(*arguments, **named)
            with _found:
                results[key] = result
                while len(results) > most:
                    results.popitem(last=False)
            return result

        return shared

    return decorate
