"""The text of an error of a projection's own code: one line of limited length, whatever the code raises."""

LONGEST_TEXT = 1_000
"""In characters. The text is sent in one line of a pipe, and in the answers to operators."""


def describe_failure(error: BaseException) -> str:
    """Return the type and the message of an error as one line."""
    try:
        message = str(error)
    except Exception as fault:  # the code is not ours
        message = f"(its message raises {type(fault).__name__})"
    line = " ".join(f"{type(error).__name__}: {message}".split()).removesuffix(":")
    line = line.encode("utf-8", "backslashreplace").decode()  # for example, surrogates
    return line if len(line) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]} …"
