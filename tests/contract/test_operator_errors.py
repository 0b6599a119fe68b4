"""An error that can end a server or a command has a message for its operator."""

import ast
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "server" / "ordertrail_server"
BASE = "OperatorError"
BUILT_IN = {"Exception", "ValueError", "RuntimeError", "OSError", "sqlite3.OperationalError", "sqlite3.DatabaseError"}
ANSWERS_TO_CALLERS = {"Refused", "InvalidToken", "ForeignToken", "LostToken", "ConnectionLost", "PostingEnded"}
CAUGHT_IN_THE_SERVER = {
    "CannotFold",
    "CannotUpcast",
    "FileInconsistent",
    "HostRefused",
    "InvalidLiteral",
    "InvalidMember",
    "LiveDamaged",
    "Mismatch",
    "NotServing",
    "NotStrictJson",
    "OrderFreed",
    "ParentGone",
    "OrdersUnavailable",
    "PositionMoved",
    "PostFailed",
    "ProjectionDamaged",
    "RenameUnsupported",
    "UnnamedValue",
    "UnreadableDocument",
    "UrlRefused",
    "_NotFusible",
}
# Errors of SQLite are translated where the file is known. OutputFailed must not look like an error of the command.
TRANSLATED_BY_COMMANDS = {
    "ArchiveDamaged",
    "CheckpointBlocked",
    "ChecksumsMissing",
    "OutOfDescriptors",
    "FileRemoved",
    "OutputFailed",
    "PageDamaged",
    "TextDamaged",
    "WalDamaged",
}


def _bases_of_classes() -> dict[str, set[str]]:
    """Return {class: its base classes} of the server."""
    return {
        node.name: {ast.unparse(base) for base in node.bases}
        for path in SERVER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }


def _subclasses(bases_of: dict[str, set[str]], roots: set[str]) -> set[str]:
    direct = {name for name, bases in bases_of.items() if bases & roots}
    return direct | _subclasses(bases_of, direct) if direct else set()


def test_every_exception_of_the_server_is_an_operator_error_or_named_here() -> None:
    bases_of = _bases_of_classes()
    other_errors = _subclasses(bases_of, BUILT_IN) - _subclasses(bases_of, {BASE}) - {BASE}
    assert other_errors == ANSWERS_TO_CALLERS | CAUGHT_IN_THE_SERVER | TRANSLATED_BY_COMMANDS
