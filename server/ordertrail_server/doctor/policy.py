"""Checks the policy file, as a server does at its start: who calls, and what each caller may do."""

from pathlib import Path
from stat import S_IWGRP, S_IWOTH

from ordertrail_server.doctor.finding import Finding, error, ok, warning
from ordertrail_server.operator_error import OperatorError

POLICY = "policy"


def check_policy(path: Path | None, *, is_local: bool) -> Finding:
    """Check the file and the key files that it names. Blocks. `is_local`: only this machine can reach the server."""
    if path is None:
        return _judge_absence(is_local=is_local)
    from ordertrail_server.access.authority import Authority  # it loads libraries that few servers need

    try:
        Authority(path)
        mode = path.stat().st_mode
    except (OperatorError, OSError) as invalid:  # it may be removed meanwhile
        return error(POLICY, str(invalid), f"Correct it, and check it: ordertrail policy check {path}")
    if mode & (S_IWGRP | S_IWOTH):
        text = f"Other users than its owner can change the policy {path}"
        return warning(POLICY, text, f"Run: chmod go-w {path}")
    return ok(POLICY, f"The policy {path} is valid, and its keys can be used")


def _judge_absence(*, is_local: bool) -> Finding:
    text = "There is no policy, so every caller may do everything, under any name"
    if is_local:
        return ok(POLICY, text)
    return warning(POLICY, text, "Write a policy (docs/access.md), and name it with --policy")
