"""Values as text: JSON for machines; escaped text, times, days and amounts for people."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from ordertrail.v1.date_pb2 import Date
    from ordertrail.v1.money_pb2 import Money


def json_line(content: "Message | dict[str, Any]") -> str:
    """Return one line of JSON; a message as grpcurl prints it."""
    import json

    from google.protobuf.json_format import MessageToDict

    return json.dumps(content if isinstance(content, dict) else MessageToDict(content), ensure_ascii=False)


def escape(text: str) -> str:
    """Escape the unprintable characters of text from outside, so that it cannot control the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def error_text(error: Exception) -> str:
    """Return the message of an error; of the operating system's error about a file, the file and the reason."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def time_text(stamp: "Timestamp") -> str:
    """Return a time in UTC, to the millisecond; outside the years 1 to 9999, the seconds since 1970."""
    try:
        return f"{stamp.ToDatetime().isoformat(sep=' ', timespec='milliseconds')}Z"
    except (ValueError, OverflowError):  # another producer may have recorded such a time
        return f"{stamp.seconds} s"


def day_text(date: "Date") -> str:
    """Return a date in ISO 8601."""
    return f"{date.year:04}-{date.month:02}-{date.day:02}"


def money_text(sum_of_money: "Money") -> str:
    """Return an amount and its currency, such as 5.20 EUR."""
    from ordertrail.values import amount_of

    return f"{amount_of(sum_of_money):f} {escape(sum_of_money.currency_code)}"
