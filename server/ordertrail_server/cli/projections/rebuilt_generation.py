"""Has a server build a generation, compares it with the live one, and promotes it if they do not differ."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ordertrail_server.cli.projections.build_progress import show_progress
from ordertrail_server.cli.projections.generation_choice import promote_when_ready, wait_ready
from ordertrail_server.cli.projections.generation_text import count_differences, describe_comparison
from ordertrail_server.cli.target import Target
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail.client import OrderTrail
    from ordertrail.v1.projection_service_pb2 import CompareGenerationResponse


class RebuiltGeneration(NamedTuple):
    """A new generation, and its comparison with the one that was live."""

    name: str
    number: int
    comparison: "CompareGenerationResponse"
    is_promoted: bool

    @property
    def difference_count(self) -> int:
        """The number of keys whose rows differ."""
        return count_differences(self.comparison)

    def to_json(self) -> dict[str, Any]:
        """Return the fields, with the comparison as grpcurl prints it."""
        from google.protobuf.json_format import MessageToDict

        fields = {"name": self.name, "number": self.number, "isPromoted": self.is_promoted}
        return {**fields, "differenceCount": self.difference_count, **MessageToDict(self.comparison)}


async def rebuild_all(*, target: Target, as_json: bool) -> None:
    """Have a server rebuild all projections, and promote them whether they differ or not; print the comparisons."""
    async with target.connect() as client:
        for projection in await client.projections():
            rebuilt = await rebuild_and_compare(client, projection.name, promote=False, is_quiet=as_json)
            await promote_when_ready(client, projection.name, rebuilt.number, lambda done, total: None)
            rebuilt = rebuilt._replace(is_promoted=True)
            click.echo(json_line(rebuilt.to_json()) if as_json else "\n".join(describe_rebuild(rebuilt)))


async def rebuild_and_compare(client: "OrderTrail", name: str, *, promote: bool, is_quiet: bool) -> RebuiltGeneration:
    """Build and compare a generation; promote it if `promote` and there is no difference."""
    number = (await client.rebuild_projection(name)).number
    with show_progress(f"building {name}", disable=is_quiet) as on_count:
        await wait_ready(client, name, number, on_count)
    comparison = await client.compare_generation(name, number)
    is_promoted = promote and not count_differences(comparison)
    if is_promoted:
        await promote_when_ready(client, name, number, lambda done, total: None)
    return RebuiltGeneration(name, number, comparison, is_promoted)


def describe_rebuild(rebuilt: RebuiltGeneration) -> Iterator[str]:
    """Yield lines that report the comparison, and how to go on."""
    name, number = rebuilt.name, rebuilt.number
    yield from describe_comparison(name, rebuilt.comparison.tables)
    if rebuilt.is_promoted:
        yield f"Generation {number} of {name} is live now; `ordertrail projections rollback {name}` goes back."
    else:
        yield f"Make it live with `ordertrail projections promote {name} {number}`, or remove it with `drop`."
