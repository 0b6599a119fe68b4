"""`python -m ordertrail_server.cli` is the console script `ordertrail`."""

from ordertrail_server.cli.main import main

main()
