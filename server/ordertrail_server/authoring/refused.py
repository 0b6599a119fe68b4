"""Why a tree of protos was not changed."""


class AuthoringRefused(Exception):
    """Nothing was changed; the text says in plain words why, and what to do."""
