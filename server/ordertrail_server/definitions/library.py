"""The libraries whose code is no part of a definition, and the modules of the standard library."""

import sys
from collections.abc import Collection
from typing import Final

# The packages that Ordertrail imports from other distributions, and its vendored protos in `buf`. They do not count,
# because each of their releases would rebuild every store.
LIBRARIES: Final = frozenset(
    {
        "aiohttp",
        "buf",
        "click",
        "confluent_kafka",
        "cryptography",
        "google",
        "grpc",
        "grpc_health",
        "grpc_reflection",
        "grpc_status",
        "jwt",
        "opentelemetry",
        "prometheus_client",
        "protovalidate",
        "pyarrow",
        "pysqlite3",
        "rich",
        "sqlean",
        "sqlite_utils",
        "standardwebhooks",
        "structlog",
        "uuid_utils",
        "uvloop",
        "yarl",
    }
)


def is_library(module: str, libraries: Collection[str] = ()) -> bool:
    """Return whether a module belongs to the standard library, to LIBRARIES or to these packages of the caller."""
    package = module.partition(".")[0]
    return package in sys.stdlib_module_names or package in LIBRARIES or package in libraries
