"""The errors of exports. Their texts are for the operator."""

from ordertrail_server.operator_error import OperatorError


class ExportRefused(OperatorError):
    """The export cannot begin or continue. The target has no file of it that looks complete."""


class OrderFreed(Exception):
    """A parked order was folded again during the export, so rows before its position were added."""
