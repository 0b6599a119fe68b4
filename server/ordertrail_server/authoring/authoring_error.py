"""Why a tree of protos was not changed."""


class AuthoringError(Exception):
    """Nothing was changed; the text says in plain words why, and what to do."""
