"""ListEventSchemas: every version of every event, and how many records of each the log holds."""

from ordertrail.v1.projection_service_pb2 import EventSchema, ListEventSchemasResponse
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import token_of
from ordertrail_server.schema.versions import versions

_COUNTS = "SELECT number, sum(count) FROM written GROUP BY number"


def list_schemas(model: ReadModel, connection: Connection) -> bytes:
    """Return a serialized ListEventSchemasResponse."""
    counts = dict(connection.execute(_COUNTS).fetchall())
    schemas = [
        EventSchema(
            message=version.message,
            version=version.version,
            number=version.number,
            reads_as=version.reads_as,
            written=version.written,
            record_count=counts.pop(version.number, 0),
        )
        for version in versions()
    ]
    return ListEventSchemasResponse(
        schemas=schemas,
        unknown_record_count=sum(counts.values()),
        consistency_token=token_of(model.log_id, model.positions(connection)),
    ).SerializeToString()
