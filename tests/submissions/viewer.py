"""A viewer who sees the commands of all customers."""

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.submissions.command_finder import Viewer

VIEWER = Viewer(EVERYTHING, "")
