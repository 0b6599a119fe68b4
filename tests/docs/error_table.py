"""The table of errors in docs/contract.md, generated from the proto.

python -m tests.docs.error_table
"""

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc.code_pb2 import Code

from ordertrail.v1.error_reason_pb2 import guide

ROOT = Path(__file__).resolve().parents[2]
PROTO = "ordertrail/v1/error_reason.proto"
ENUM, VALUE = 5, 2  # field numbers in FileDescriptorProto and EnumDescriptorProto, which source paths consist of
HEADING = ["| reason | code | meaning | what to do |", "|---|---|---|---|"]


def build_error_table() -> list[str]:
    """Return the lines of the table: every reason except the zero value, in the order of the proto."""
    file = _describe_proto()
    meanings = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
    [reasons] = file.enum_type
    rows = list(HEADING)
    for index, value in enumerate(reasons.value):
        if value.number:
            advice = value.options.Extensions[guide]
            reason = value.name.removeprefix("ERROR_REASON_")
            meaning = " ".join(meanings[ENUM, 0, VALUE, index].split())
            rows.append(f"| `{reason}` | {Code.Name(advice.code)} | {meaning} | {advice.action} |")
    return rows


def _describe_proto() -> FileDescriptorProto:
    buf = str(Path(sys.executable).parent / "buf")
    command = [buf, "build", "proto", "--path", f"proto/{PROTO}", "--as-file-descriptor-set", "-o", "-"]
    image = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return next(file for file in FileDescriptorSet.FromString(image).file if file.name == PROTO)


if __name__ == "__main__":
    print("\n".join(build_error_table()))
