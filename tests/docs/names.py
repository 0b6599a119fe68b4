"""The names that a user of Ordertrail meets, as words: protos, command line and settings."""

import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pkgutil import iter_modules

import click
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor

from ordertrail import v1
from ordertrail.evolve.v1 import rules_pb2
from ordertrail.log.v1 import record_pb2
from ordertrail_server.cli.main import ordertrail
from ordertrail_server.settings import Settings

# Every proto of the public package, and the two that describe what is stored.
FILES: tuple[FileDescriptor, ...] = (
    *(
        import_module(f"ordertrail.v1.{module.name}").DESCRIPTOR
        for module in iter_modules(v1.__path__)
        if module.name.endswith("_pb2")
    ),
    record_pb2.DESCRIPTOR,
    rules_pb2.DESCRIPTOR,
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words(name: str) -> list[str]:
    """Return the words of a name, in lower case: `ORDER_PARKED` and `OrderParked` have the same."""
    return [word.lower() for word in WORD.findall(name)]


def public_names() -> Iterator[tuple[str, str]]:
    """Yield each public name with the place where it is declared."""
    for file in FILES:
        yield from ((name, file.name) for name in _file_names(file))
    yield from _command_names(ordertrail, "ordertrail")
    yield from ((setting.name, "settings") for setting in fields(Settings))


def _file_names(file: FileDescriptor) -> Iterator[str]:
    for message in file.message_types_by_name.values():
        yield from _message_names(message)
    for enum in file.enum_types_by_name.values():
        yield from _enum_names(enum)
    for service in file.services_by_name.values():
        yield service.name
        yield from (method.name for method in service.methods)
    yield from file.extensions_by_name


def _message_names(message: Descriptor) -> Iterator[str]:
    yield message.name
    yield from message.fields_by_name
    for nested in message.nested_types:
        yield from _message_names(nested)
    for enum in message.enum_types:
        yield from _enum_names(enum)


def _enum_names(enum: EnumDescriptor) -> Iterator[str]:
    yield enum.name
    yield from enum.values_by_name


def _command_names(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        yield from ((option, path) for option in parameter.opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield name, path
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from _command_names(subcommand, f"{path} {name}")
