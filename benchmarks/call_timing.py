"""Times calls that take microseconds."""

from collections.abc import Callable, Sequence
from statistics import median
from time import process_time
from timeit import Timer

ROUNDS, CALLS = 11, 1_000


def microseconds(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Return the processor time of each call in µs: the median of rounds in which the calls alternate.

    Wall-clock time would include other load on the machine.
    """
    rounds = [[Timer(call, timer=process_time).timeit(CALLS) for call in calls] for _ in range(ROUNDS)]
    return [median(seconds) / CALLS * 1e6 for seconds in zip(*rounds, strict=True)]
