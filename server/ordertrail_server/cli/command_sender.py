"""Submits commands in batches, and submits those again that the server could not store."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ordertrail.backoff import Backoff
from ordertrail.client import OrderTrail
from ordertrail.commands import as_command
from ordertrail.errors import OrderTrailError, Unavailable, from_status
from ordertrail.v1.submitted_commands_pb2 import CommandSubmission
from ordertrail_server.cli.command_input import InputCommand

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

BATCH_COMMANDS, BATCH_BYTES = 200, 256 * 1024
RETRY_SECONDS = 60.0


class Submission(NamedTuple):
    """The result of submitting a command: its ids and the token of its query, or why it was refused at once."""

    input: InputCommand
    stored: CommandSubmission
    token: str
    error: OrderTrailError | None


class Conditions(NamedTuple):
    """How the commands are stored and decided; as for `OrderTrail.submit`."""

    defer_decision: bool
    not_before: "Timestamp | None"


async def submit_in_batches(
    client: OrderTrail, commands: Sequence[InputCommand], conditions: Conditions
) -> AsyncGenerator[Submission, None]:
    """Submit commands in their sequence. Raises Unavailable if the server stays unavailable."""
    for command in commands:
        as_command(command.command)  # every attempt has the same request id
    for batch in _split(commands):
        backoff = Backoff(RETRY_SECONDS)
        unsent = batch
        while unsent:
            results = await _submit(client, unsent, conditions)
            for result in results:
                if not isinstance(result.error, Unavailable):
                    yield result
            unavailable = [result for result in results if isinstance(result.error, Unavailable)]
            unsent = [result.input for result in unavailable]
            if len(unavailable) < len(results):
                backoff.reset()
            if unavailable and isinstance(cause := unavailable[0].error, Unavailable):
                await backoff.wait(cause)


async def _submit(client: OrderTrail, commands: Sequence[InputCommand], conditions: Conditions) -> list[Submission]:
    try:
        response = await client.submit(*(command.command for command in commands), **conditions._asdict())
    except OrderTrailError as error:
        if len(commands) > 1 and not isinstance(error, Unavailable):
            raise  # it concerns the conditions, not one of the commands
        return [Submission(command, CommandSubmission(), "", error) for command in commands]
    return [
        Submission(
            command,
            result.submission,
            response.consistency_token,
            from_status(result.status) if result.HasField("status") else None,
        )
        for command, result in zip(commands, response.results, strict=True)
    ]


def _split(commands: Sequence[InputCommand]) -> Iterator[list[InputCommand]]:
    batch: list[InputCommand] = []
    batch_bytes = 0
    for command in commands:
        batch_bytes += command.command.ByteSize()
        if batch and (len(batch) == BATCH_COMMANDS or batch_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], command.command.ByteSize()
        batch.append(command)
    if batch:
        yield batch
