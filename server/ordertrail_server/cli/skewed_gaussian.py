"""The skewed Gaussian distribution that the first producers used."""

from random import Random

CENTRE, DEVIATION = 0.5, 1 / 6


def draw_skewed(random: Random, low: float, high: float, skew: float) -> float:
    """Draw from `low` to `high` (exclusive): a Gaussian around the middle, skewed towards `low` by an exponent.

    The Gaussian has six deviations between 0 and 1. A value outside of that is drawn again. The result is raised to
    the power of `skew` (1: no skew), and scaled.
    """
    while not 0 <= (value := random.gauss(CENTRE, DEVIATION)) < 1:
        pass
    return low + (high - low) * float(value**skew)
