"""Fields as text."""

from collections.abc import Mapping, Set

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from ordertrail_server.authoring.option_text import settings
from ordertrail_server.authoring.type_reference import shortest_reference


def field_text(field: FieldDescriptorProto, scope: str, maps: Mapping[str, DescriptorProto], names: Set[str]) -> str:
    """Return a field of the message whose full name is `scope`, without comments.

    `maps` are the message's hidden entry types by full name, `names` those of all types and packages.
    """
    option_texts = [*_json_name(field), *(setting.text for setting in settings(field.options))]
    options = f" [{', '.join(option_texts)}]" if option_texts else ""
    return f"{_label(field, maps)}{_type(field, scope, maps, names)} {field.name} = {field.number}{options};"


def _label(field: FieldDescriptorProto, maps: Mapping[str, DescriptorProto]) -> str:
    if field.proto3_optional:
        return "optional "
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED and field.type_name[1:] not in maps
    return "repeated " if repeated else ""


def _type(field: FieldDescriptorProto, scope: str, maps: Mapping[str, DescriptorProto], names: Set[str]) -> str:
    if not field.type_name:
        return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    name = field.type_name[1:]
    if name not in maps:
        return shortest_reference(name, scope, names)
    key, value = (_type(part, scope, maps, names) for part in maps[name].field)
    return f"map<{key}, {value}>"


def _json_name(field: FieldDescriptorProto) -> list[str]:
    first_part, *later_parts = field.name.split("_")
    default_name = first_part + "".join(part[:1].upper() + part[1:] for part in later_parts)
    return [f'json_name = "{field.json_name}"'] if field.json_name not in ("", default_name) else []
