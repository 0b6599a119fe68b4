"""The parameter type of a point in time, to the nanosecond."""

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

FORM = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([T ](?P<time>\d\d:\d\d(:\d\d)?)(\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


class MomentType(click.ParamType["Timestamp"]):
    """A time in ISO 8601. Without a zone it is in UTC, as all printed times are."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> "Timestamp":
        """Return the time."""
        try:
            return parse_moment(value)
        except ValueError:
            self.fail(f"{value!r} is not a time, such as 2026-03-01 or 2026-03-01T12:30:00.5Z.", param, ctx)


MOMENT = MomentType()


def parse_moment(text: str) -> "Timestamp":
    """Return a time. Raises ValueError if the text is not one."""
    from datetime import datetime

    from google.protobuf.timestamp_pb2 import Timestamp

    parts = FORM.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    zone = "+00:00" if parts["zone"] in (None, "Z") else parts["zone"]
    whole = datetime.fromisoformat(f"{parts['day']}T{parts['time'] or '00:00'}{zone}")
    stamp = Timestamp()
    stamp.FromDatetime(whole)
    stamp.nanos = int((parts["fraction"] or "").ljust(9, "0"))
    return stamp
