"""How many random samples the tests try.

`make test` tries a few, `make trials` as many as fit into ten minutes, `make trials LONG=1` as many as take hours.
"""

import os

_FORM = os.environ.get("ORDERTRAIL_TRIALS", "quick")
IS_QUICK = _FORM == "quick"
"""True in `make test`, false in `make trials`."""


def choose_size(quick: int, trial: int, long: int) -> int:
    """Return the size of a test for the form in which the tests run."""
    return {"quick": quick, "trial": trial, "long": long}[_FORM]
