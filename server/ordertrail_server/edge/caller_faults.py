"""Logs faults of callers as one line at DEBUG; the gRPC library logs them as errors with a traceback.

Such faults are a disconnect before the answer, and metadata that is not UTF-8.
"""

import logging

import grpc

# On this logger, the library reports failures outside of our handlers, such as sending the last status.
LIBRARY_LOGGER = "grpc._cython.cygrpc"


def demote_caller_faults() -> None:
    """Log the library's errors about faults of callers at DEBUG from now on."""
    logging.getLogger(LIBRARY_LOGGER).addFilter(_demote)


def _demote(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    fault = _describe_fault(error)
    if fault is None:
        return True
    record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
    record.msg, record.args, record.exc_info = f"{fault}: %s", (error,), None
    return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def _describe_fault(error: BaseException | None) -> str | None:
    if isinstance(error, grpc.aio.InternalError):
        return "a caller disconnected before the answer"
    if isinstance(error, UnicodeDecodeError):  # the library then reads the bytes as Latin-1
        return "a caller sent metadata that is not UTF-8"
    return None
