"""The skewed Gaussian of the first producers."""

from random import Random

CENTRE, DEVIATION = 0.5, 1 / 6


def draw_skewed(random: Random, low: float, high: float, skew: float) -> float:
    """Draw from `low` to `high` (exclusive): a Gaussian around the middle, bent towards `low` by an exponent.

    A Gaussian that lies six deviations wide in 0 to 1 is drawn again where it falls outside, raised to the power of
    `skew` (1: not bent), and stretched.
    """
    while not 0 <= (drawn := random.gauss(CENTRE, DEVIATION)) < 1:
        pass
    return low + (high - low) * float(drawn**skew)
