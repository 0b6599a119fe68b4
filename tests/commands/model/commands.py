"""The commands of the scenarios: two submitted ones, one with the request id of one of them, and another call."""

from tests.commands.model.attempt import Attempt

FIRST, SECOND = Attempt("first", "a", True), Attempt("second", "b", True)
OTHER_CALL = Attempt("other", "c", False)

SHARING = {
    "call repeats the first command": FIRST._replace(is_submitted=False),
    "call repeats the second command": SECOND._replace(is_submitted=False),
    "call reuses the first request id": Attempt("first", "another", False),
    "call reuses the second request id": Attempt("second", "another", False),
    "submitted command reuses the first request id": Attempt("first", "another", True),
}
"""The third command, which has the request id of one of the others."""
