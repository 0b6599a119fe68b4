"""What a module that protoc generated does: it defines a descriptor. Its other lines depend on the generator."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from ordertrail.evolve.v1 import rules_pb2
from ordertrail_server.schema.functions import PACKAGE

_ADD: Final = "AddSerializedFile"


def extract_descriptor(tree: ast.AST) -> bytes | None:
    """Return the serialized file descriptor in the source of a generated module, or None if it has none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == _ADD:
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, bytes):
                return argument.value
    return None


def summarize_descriptor(serialized: bytes) -> tuple[bytes, set[str]]:
    """Return the descriptor without comments, and the imports of the Python functions that its rules name."""
    pool = _rules_pool()
    file = GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FileDescriptorProto"))()
    file.ParseFromString(serialized)
    file.ClearField("source_code_info")
    return file.SerializeToString(deterministic=True), set(map(_import, _functions(file, pool)))


@cache
def _rules_pool() -> DescriptorPool:
    """Return a pool that knows the rules and no other options.

    In the common pool, the order of the options would depend on which modules are imported.
    """
    pool = DescriptorPool()
    for module in (descriptor_pb2, rules_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return pool


def _functions(file: Any, pool: DescriptorPool) -> Iterator[str]:
    rules = pool.FindExtensionByName(rules_pb2.message.full_name)
    for message in _with_nested(file.message_type):
        # A name without a module is a gap, which the check of the schema reports.
        yield from (name for name in message.options.Extensions[rules].python if "." in name)


def _with_nested(messages: Iterable[Any]) -> Iterator[Any]:
    for message in messages:
        yield message
        yield from _with_nested(message.nested_type)


def _import(function: str) -> str:
    """Return the import of a function that `schema.functions` loads."""
    module, _, name = function.rpartition(".")
    return f"{PACKAGE}.{module}:{name}"
