"""When a delivery that failed is attempted again. Pure: randomness is an argument."""

FIRST_DELAY_S, FACTOR = 1.0, 4.0
MAX_DELAY_S = 6 * 3600.0
MAX_RETRY_AFTER_S = 3600.0
"""A receiver that asks for a longer pause is not asked for longer than this."""

MAX_ATTEMPTS = 16
"""How often a delivery is attempted before its order is parked, unless the subscription says otherwise.

The delays after 15 failures add up to 24 hours on average, and to 48 hours at most.
"""


def retry_delay(attempt: int, share: float, retry_after_s: float) -> float:
    """Return the seconds from the failure of the `attempt`-th attempt to the next one.

    The limit grows exponentially, and `share`, a random number from 0 to 1, says how much of it is used (full jitter).
    The receiver's `Retry-After` is the least delay, within its bound.
    """
    exponent = min(attempt - 1, 20)  # so that the power does not overflow
    limit = min(MAX_DELAY_S, FIRST_DELAY_S * FACTOR**exponent)
    return max(share * limit, min(retry_after_s, MAX_RETRY_AFTER_S))
