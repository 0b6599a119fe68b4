"""A plugin for buf that generates gRPC services by the protoc of grpcio-tools, which has the only such generator."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def generate(request: CodeGeneratorRequest, folder: Path) -> CodeGeneratorResponse:
    """Return the generated code of the files that have services."""
    descriptors, out = folder / "descriptors.binpb", folder / "out"
    descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
    out.mkdir()
    requested = set(request.file_to_generate)
    services = [file.name for file in request.proto_file if file.name in requested and file.service]
    arguments = [f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}", *services]
    if services and protoc.main(["protoc", *arguments]):
        return CodeGeneratorResponse(error="protoc failed; its output has the cause")
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    for path in sorted(out.rglob("*.py")):
        response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
    return response


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        answer = generate(CodeGeneratorRequest.FromString(sys.stdin.buffer.read()), Path(name))
    sys.stdout.buffer.write(answer.SerializeToString())
