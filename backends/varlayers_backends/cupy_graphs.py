"""Functions of CuPy arrays that are captured as CUDA graphs, and launched as such.

The first call with arguments of some shapes runs the function twice: once to have its
kernels compiled and its memory at hand, once on a stream that is captured. That call
and every later one of the kind write the numbers (`cupy_board`) and launch the graph:
without Python between its kernels.

A graph reads and overwrites arrays where they lay at first. Where the arguments lie
elsewhere, it is captured anew, and those that it only reads are copied from then on to
arrays of its own. Results are copied at each launch.

As with every compiler of this sort the function must be pure. What cannot be captured,
such as a function that looks at values, is called as it is.

Only where the environment says VARLAYERS_CUDA_GRAPHS=1: no graph ever ran on a device.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import cupy

from varlayers.random import Key
from varlayers_backends.cupy_board import Board
from varlayers_backends.cupy_numbers import Number
from varlayers_backends.tracing import TRACING, tracing
from varlayers_backends.trees import Leaf, kind_of, maker, taker

__all__ = ["KEPT", "Captured", "captured"]

KEPT = 8  # graphs of a function
_FIXED = (type(None), bool, int, float, str)  # of results
_LOG = logging.getLogger("varlayers")


class Captured:
    """A function that is captured once for each kind of arguments.

    Args:
        function: of a hashable description, and of trees of arrays, keys and numbers.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._graphs: OrderedDict[Hashable, _Graph | None] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, static: Any, *arguments: Any) -> Any:
        if TRACING.board is not None:  # part of a function that is captured
            return self._function(static, *arguments)
        try:
            kind = static, kind_of(arguments, cupy.ndarray)
            with self._lock:
                graph = self._graph(kind, static, arguments)
                if graph is not None:
                    return graph(arguments)
        except (Leaf, TypeError, OverflowError):  # one that cannot be hashed, or placed
            pass
        return self._function(static, *arguments)

    def _graph(self, kind: Any, static: Any, arguments: Any) -> "_Graph | None":
        """Return the graph for arguments, made if need be; None if there is none."""
        found, copied = self._graphs.get(kind), frozenset[int]()
        if kind in self._graphs:
            self._graphs.move_to_end(kind)
            moved = found.moved(arguments) if found is not None else None
            if found is None or not moved:
                return found
            copied = found.copied | (moved - found.overwritten)
        try:
            found = _Graph(self._function, static, arguments, copied)
        except Exception:  # of any kind; without a graph it comes again, or is none
            _LOG.debug("%s is not captured", self._function, exc_info=True)
            found = None
        self._graphs[kind] = found
        while len(self._graphs) > KEPT:
            self._graphs.popitem(last=False)
        return found


class _Graph:
    """A graph with the trees of its arguments and results.

    Attributes:
        copied: which of the arguments' leaves it does not read where they lie.
        overwritten: which of them it overwrites and returns.

    Raises:
        ValueError: if the function does not do the same twice.
    """

    def __init__(
        self, function: Any, static: Any, arguments: Any, copied: frozenset[int]
    ) -> None:
        self.copied = copied
        self._take = taker(arguments)
        leaves = self._take(arguments) or []
        self._arrays = [i for i, x in enumerate(leaves) if _is_array(x)]
        self._numbers = [i for i, x in enumerate(leaves) if not _is_array(x)]
        self._device = leaves[self._arrays[0]].device
        with self._device:
            self._pool = cupy.cuda.MemoryPool()  # nobody else may use this memory
            self._stream = cupy.cuda.Stream(non_blocking=True)
            self._stream.wait_event(cupy.cuda.get_current_stream().record())
            with cupy.cuda.using_allocator(self._pool.malloc), self._stream:
                self._capture(function, static, arguments, leaves)
            self._stream.synchronize()
        self._last = self._stream

    def moved(self, arguments: Any) -> frozenset[int]:
        """Return which arrays lie elsewhere than where the graph reads them."""
        leaves: Any = self._take(arguments)
        places = self._places.items()
        return frozenset(i for i, place in places if _place_of(leaves[i]) != place)

    def __call__(self, arguments: Any) -> Any:
        leaves: Any = self._take(arguments)
        with self._device:
            stream = cupy.cuda.get_current_stream()
            if stream != self._last:  # a graph must not meet itself
                stream.wait_event(self._last.record())
                self._last = stream
            for i, own in self._own.items():
                cupy.copyto(own, leaves[i])
            numbers = self._board.write([leaves[i] for i in self._numbers])
            self._graph.launch(stream)
            return self._make((leaves, self._results, numbers))

    def _capture(self, function: Any, static: Any, arguments: Any, leaves: Any) -> None:
        copies = {i: leaves[i].copy() for i in self._arrays}
        first = Board(leaves[self._arrays[0]])
        with tracing(board=first):
            made = function(static, *self._placed(arguments, first, copies))
        self.overwritten = frozenset(i for i, x in copies.items() if _holds(made, x))
        self._own = {i: copies[i] for i in self.copied}
        self._places = {i: _place_of(leaves[i]) for i in copies.keys() - self.copied}
        given = {i: self._own.get(i, leaves[i]) for i in self._arrays}
        board = Board(leaves[self._arrays[0]], first.constants)
        self._stream.synchronize()
        with tracing(board=board), self._captured():
            made = function(static, *self._placed(arguments, board, given))
        if not board.same_as(first):
            msg = f"Expected a function that does the same each time, got {function}."
            raise ValueError(msg)
        self._board = board
        self._results: list[Any] = []
        numbers: list[Number] = []
        overwritten = {id(leaves[i]): i for i in self.overwritten}

        def place(leaf: Any) -> str:
            if isinstance(leaf, Number):
                numbers.append(leaf)
                return f"results[2][{len(numbers) - 1}]"
            if id(leaf) in overwritten:
                return f"results[0][{overwritten[id(leaf)]}]"
            if _is_array(leaf):
                self._results.append(leaf)
                return f"results[1][{len(self._results) - 1}].copy()"
            if type(leaf) not in _FIXED:
                msg = f"A graph expected to return arrays, got {type(leaf).__name__}."
                raise Leaf(msg)
            return ""

        self._make = maker(made, place)
        board.finish(numbers)

    @contextmanager
    def _captured(self) -> Any:
        """Let the stream take kernels down, and not launch them."""
        self._stream.begin_capture()
        try:
            yield
        except BaseException:
            with suppress(Exception):  # a failure spoils the capture
                self._stream.end_capture()
            raise
        self._graph = self._stream.end_capture()

    def _placed(self, tree: Any, board: Board, arrays: dict[int, Any]) -> Any:
        """Return the arguments with these arrays, and numbers on the board."""
        queue = iter(range(len(self._arrays) + len(self._numbers)))

        def placed(node: Any) -> Any:
            if isinstance(node, Key):
                return Key(*map(placed, node))
            if isinstance(node, dict):
                return {name: placed(x) for name, x in node.items()}
            if isinstance(node, tuple | list):
                parts = [placed(x) for x in node]
                named = hasattr(node, "_fields")
                return type(node)(*parts) if named else type(node)(parts)
            if node is None:
                return None
            i = next(queue)
            return arrays[i] if i in arrays else board.argument(node)

        return placed(tree)


@cache
def captured(function: Callable[..., Any]) -> Captured:
    """Return the function, captured."""
    return Captured(function)


def _is_array(x: Any) -> bool:
    return isinstance(x, cupy.ndarray)


def _place_of(x: Any) -> tuple[Any, ...]:
    return x.data.ptr, x.strides


def _holds(tree: Any, x: Any) -> bool:
    """Whether a tree has x as a leaf."""
    if isinstance(tree, dict):
        return any(_holds(each, x) for each in tree.values())
    if isinstance(tree, tuple | list):
        return any(_holds(each, x) for each in tree)
    return tree is x
