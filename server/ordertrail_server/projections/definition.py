"""The definition of a projection: a digest of the code that fills its file. Each definition has files of its own."""

from ordertrail_server.schema.definition import definition_of


def projection_definition(name: str) -> bytes:
    """Return the definition of a projection: 32 bytes."""
    return definition_of("facts/**/*.py", "projections/*.py", f"projections/{name}/*.py", "log/position.py")
