"""The benchmark, run by `make bench`: Ordertrail's rates and latencies, each compared with a limit of the same machine.

Absolute figures depend on the machine and its other load. Quote the ratios: both sides are measured alternately.
"""
