"""The error of a module whose source cannot be read."""

from ordertrail_server.operator_error import OperatorError


class SourceUnavailable(OperatorError):
    """The definition of a store is unknown, because a module that it reaches has no readable source file."""

    def __init__(self, module: str, problem: str) -> None:
        super().__init__(
            f"the definition of a store needs the source of the module {module}, but {problem}. Install it as .py "
            f"files under its own name, or name {module.partition('.')[0]} as a library if it does not determine rows"
        )
