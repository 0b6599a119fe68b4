"""The garbage collector of processes that run for long and leave few cycles."""

import gc


def tune_garbage_collector() -> None:
    """Make full collections rare, and exempt all present objects. Call it once a process is set up.

    Commands and batches leave few cycles, but full collections cost a tenth of the throughput. Objects that live as
    long as the process need none. Nothing is collected before, because the first calls would wait for that.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 100)
