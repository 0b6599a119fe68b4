"""The parameter type of a record's position."""

import re

import click


class PositionType(click.ParamType[tuple[int, int]]):
    """PARTITION:OFFSET, the position of a record."""

    name = "position"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return the two numbers."""
        if not re.fullmatch(r"[0-9]{1,9}:[0-9]{1,18}", value):
            self.fail(f"{value!r} is not PARTITION:OFFSET, such as 0:17.", param, ctx)
        partition, _, offset = value.partition(":")
        return int(partition), int(offset)
