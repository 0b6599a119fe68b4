"""How the projector's process ends, apart from the server so that the server need not load the engine."""

FAILED = 1
"""It was hindered, as by a full disk. A restart helps once the cause is gone."""

REFUSED = 3
"""It must not continue, and must not be restarted."""

AGAIN = 4
"""A restart may help."""

DAMAGED = 5
"""It needs a projection that is damaged, and that the server repairs."""
