"""The traces of this process. There is one exporter for a process, because environment variables configure it.

OpenTelemetry is imported only if they do.
"""

import logging
import os
from typing import TYPE_CHECKING

from ordertrail_server.telemetry.configuration import is_configured

if TYPE_CHECKING:
    from ordertrail_server.telemetry.tracing import Tracing

_log = logging.getLogger(__name__)

_tracing: "Tracing | None" = None


def start_tracing() -> None:
    """Export traces from now on if the variables configure it. If it cannot be done, log why: calls matter more."""
    global _tracing
    try:
        if is_configured(os.environ):
            from ordertrail_server.telemetry.exporter import open_tracing

            _tracing = open_tracing(os.environ)
    except ModuleNotFoundError as error:
        _log.warning("traces are off, because %s is not installed: pip install 'ordertrail[traces]'", error.name)
    except Exception as error:  # the library raises many kinds for variables that it cannot use
        _log.warning("traces are off: %s", error)


def find_tracing() -> "Tracing | None":
    """Return the traces of this process; None while they are off."""
    return _tracing


def stop_tracing() -> None:
    """Export what is left, for a bounded time. Blocks."""
    global _tracing
    tracing, _tracing = _tracing, None
    if tracing is not None:
        tracing.close()
