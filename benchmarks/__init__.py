"""What Ordertrail does in a second, beside what this machine could: `make bench`.

Absolute figures belong to the machine and its neighbours; quote the ratios, whose two sides are measured in turn.
"""
