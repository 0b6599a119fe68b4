"""`python -m ordertrail_server.cli` is the console script `ordertrail`."""

from ordertrail.entry_point import main

main()
