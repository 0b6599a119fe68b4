"""Ordertrail's contract in Python, and a client for it.

`ordertrail.v1` holds the generated services and messages; `ordertrail.client` is the hand-written client API.
"""
