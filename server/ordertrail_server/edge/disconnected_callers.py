"""Logs disconnected callers as one line at DEBUG; the gRPC library logs them as errors with a traceback."""

import logging

import grpc

# On this logger, the library reports failures outside of our handlers, such as sending the last status.
LIBRARY_LOGGER = "grpc._cython.cygrpc"


def demote_disconnect_errors() -> None:
    """Log the library's errors about disconnected callers at DEBUG from now on."""
    logging.getLogger(LIBRARY_LOGGER).addFilter(_demote)


def _demote(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, grpc.aio.InternalError):
        return True
    record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
    record.msg, record.args, record.exc_info = "a caller disconnected before the answer: %s", (error,), None
    return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
