"""Random metadata, deadlines and compression that a gRPC client can send over valid HTTP/2."""

from random import Random

import grpc

Metadata = tuple[tuple[str, str | bytes], ...]

KEYS = (
    "ordertrail-actor",
    "traceparent",
    "x-some",
    "x-some-bin",
    "user-data",
    "tracestate",
    "authorization",
    "grpc-tags-bin",
)
TEXTS = (
    "",
    "a",
    "somebody",
    " ",
    "~" * 256,
    "~" * 257,
    "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
    "%00%0a",
    ",",
    "a;b=c",
)
# Seconds. Many calls wait for something that never comes, until their deadline.
DEADLINES = (*[3.0] * 6, 0.2, 0.02, 0.001, 0.0)
COMPRESSIONS = (None, None, None, None, grpc.Compression.Gzip, grpc.Compression.Deflate)


def create_metadata(random: Random) -> Metadata:
    """Return up to a few keys, rarely many or long ones."""
    if random.random() < 0.6:
        return ()
    pairs = [_create_pair(random) for _ in range(random.choice((1, 1, 2, 5, 60)))]
    if random.random() < 0.03:
        pairs.append(("x-long", "a" * random.randrange(4_000, 40_000)))
    return tuple(pairs)


def _create_pair(random: Random) -> tuple[str, str | bytes]:
    key = random.choice(KEYS)
    if key.endswith("-bin"):
        return key, random.randbytes(random.randrange(40))
    if random.random() < 0.3:
        return key, "".join(chr(random.randrange(0x20, 0x7F)) for _ in range(random.randrange(40))).strip()
    return key, random.choice(TEXTS)
