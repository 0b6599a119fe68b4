"""Text of submitted commands for people: table rows and lines."""

from typing import TYPE_CHECKING

from ordertrail_server.cli.value_text import escape, json_line, time_text

if TYPE_CHECKING:
    from ordertrail.v1.commands_pb2 import Command
    from ordertrail.v1.submitted_commands_pb2 import SubmittedCommand

HEADINGS = ("Submitted", "Command", "Order", "Verb", "State", "Outcome")
STATES = ("pending", "accepted", "refused", "stopped")


def command_row(command: "SubmittedCommand") -> tuple[str, ...]:
    """Return a submitted command as a row under HEADINGS."""
    return (
        time_text(command.submit_time),
        command.command_id,
        command.order_id,
        verb_text(command.command),
        state_text(command),
        outcome_text(command),
    )


def command_line(command: "SubmittedCommand") -> str:
    """Return a submitted command as one line: what it is, its state, and its outcome."""
    text = f"{verb_text(command.command)}, order {command.order_id}: {state_text(command)}"
    outcome = outcome_text(command)
    return escape(f"{text}, {outcome}" if outcome != "-" else text)


def detail_rows(command: "SubmittedCommand") -> list[tuple[str, str]]:
    """Return the fields of a submitted command as rows of name and value, without those that are not set."""
    verb = command.command.WhichOneof("verb")
    rows = [
        ("Command", command.command_id),
        ("Order", command.order_id),
        ("Request id", command.request_id),
        ("Actor", command.actor),
        ("Verb", verb_text(command.command)),
        ("Fields", json_line(getattr(command.command, verb)) if verb else ""),
        ("Expected version", str(command.expected_version) if command.HasField("expected_version") else ""),
        ("Submitted", time_text(command.submit_time)),
        ("Not before", time_text(command.not_before) if command.HasField("not_before") else ""),
        ("State", state_text(command)),
        ("Outcome", outcome_text(command)),
    ]
    return [(name, value) for name, value in rows if value]


def verb_text(command: "Command") -> str:
    """Return the verb in words, such as `add order line`; `?` if this release does not know it."""
    return (command.WhichOneof("verb") or "?").replace("_", " ")


def state_text(command: "SubmittedCommand") -> str:
    """Return the state as the option `--state` takes it; `?` if this release does not know it."""
    return STATES[command.state - 1] if 1 <= command.state <= len(STATES) else "?"


def outcome_text(command: "SubmittedCommand") -> str:
    """Return the version that a command led to, the reason of its refusal, or why it is stopped; `-` if it waits."""
    outcome = command.WhichOneof("outcome")
    if outcome == "receipt":
        return f"version {command.receipt.order_version}"
    if outcome == "refusal":
        from ordertrail.errors import from_status

        error = from_status(command.refusal)
        return f"{error.reason}: {error.message}"
    return command.stop_reason or "-"
