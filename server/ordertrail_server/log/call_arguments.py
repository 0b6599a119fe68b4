"""Checks of the arguments that callers pass to a log. All adapters raise the same errors."""


def check_partition(partition: int, partitions: int) -> None:
    """Raise ValueError unless a log with `partitions` partitions has this one."""
    if not 0 <= partition < partitions:
        raise ValueError(f"the log has the partitions 0 to {partitions - 1}, not {partition}")


def check_range(offset: int, limit: int) -> None:
    """Raise ValueError unless a read may begin at this offset and return up to `limit` records."""
    if offset < 0 or limit < 1:
        raise ValueError(f"a read begins at offset 0 or later and requests 1 record or more: {offset}, {limit}")
