"""Whether a program printed what a page shows: line by line, but for what differs from run to run."""

import re

LEFT_OUT = "…"
DIFFERS = [
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r'("(?:previous|\w*digest|\w+_token)": )"[^"]+"', r"\1BYTES"),
    (r'("offset": )"\d+"', r"\1OFFSET"),
    (r"^(\d+):\d+ ", r"\1:OFFSET "),
    (r"[\d,]+( commands acknowledged,)", r"N\1"),
    (r"[\d.]+ s, [\d,]+ commands/s", "RATE"),
    (r"^[\d,]+ records, [\d,]+ orders, [\d,]+ events,(.*) [\d.]+ seconds", r"N records, N orders, N events,\1 SECONDS"),
    (r"<lte:(\d+) gte:(\d+)>", r"<gte:\2 lte:\1>"),  # grpcurl prints options in any order
    (r"<max_len:(\d+) min_len:(\d+)>", r"<min_len:\2 max_len:\1>"),
    (r"─+", "─"),
    (r"\s+", " "),
]


def missing(shown: list[str], printed: str) -> list[str] | None:
    """Return the lines that were shown and not printed there, or printed at the end and not shown; None if all is well.

    A line `…` stands for any number of lines; what stands between two of them was printed without a gap.
    """
    said = _alike(printed.splitlines())
    first, *others = _parts(shown)
    if said[: len(first)] != first:
        return first
    at = len(first)
    for part in others:
        found = _find(part, said, at)
        if found is None:
            return part
        at = found + len(part)
    return None if at == len(said) or (others and not others[-1]) else said[at:]


def _parts(shown: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in _alike(shown):
        if line == LEFT_OUT:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _find(part: list[str], said: list[str], at: int) -> int | None:
    places = range(at, len(said) - len(part) + 1)
    return next((place for place in places if said[place : place + len(part)] == part), None)


def _alike(lines: list[str]) -> list[str]:
    return [alike for line in lines if (alike := _without_differences(line))]


def _without_differences(line: str) -> str:
    for pattern, stands_for in DIFFERS:
        line = re.sub(pattern, stands_for, line)
    return line.strip()
