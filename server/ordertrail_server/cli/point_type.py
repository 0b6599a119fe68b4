"""The parameter type of a point in the history of an order."""

import re
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.moment_type import parse_moment

if TYPE_CHECKING:
    from ordertrail.query_conditions import OrderPoint

VERSION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
TOKEN = re.compile(r"[A-Za-z0-9_-]{20,8192}", re.ASCII)


class PointType(click.ParamType["OrderPoint"]):
    """A time in ISO 8601, a token, or a version of an order if there is one order."""

    name = "point"

    def __init__(self, *, has_versions: bool = True) -> None:
        self._has_versions = has_versions

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> "OrderPoint":
        """Return the point as a condition of the client."""
        if self._has_versions and VERSION.fullmatch(value):
            return {"version": int(value)}
        try:
            return {"record_time": parse_moment(value)}
        except ValueError:
            if TOKEN.fullmatch(value):
                return {"token": value}
            version = "a version such as 3, " if self._has_versions else ""
            self.fail(f"{value!r} is not {version}a time such as 2026-03-01T12:30:00Z, or a token.", param, ctx)
