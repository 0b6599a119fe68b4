"""Compare a program's output with the output on a page, line by line, except for values that differ in every run."""

import re

GAP = "…"
VOLATILE = [
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r'("(?:previous|\w*digest|\w+_token)": )"[^"]+"', r"\1BYTES"),
    (r'("offset": )"\d+"', r"\1OFFSET"),
    (r"^(\d+):\d+ ", r"\1:OFFSET "),
    (r"[\d,]+( commands acknowledged,)", r"N\1"),
    (r"[\d.]+ s, [\d,]+ commands/s", "RATE"),
    (r"^[\d,]+ records, [\d,]+ orders, [\d,]+ events,(.*) [\d.]+ seconds", r"N records, N orders, N events,\1 SECONDS"),
    (r"^[\d,]+ records, [\d,]+ orders, [\d,]+ facts$", "N records, N orders, N facts"),
    (r"^( +\w+) +([\d,]+) +\2 +(\d+)$", r"\1 N N \3"),  # an audit: rows of a projection, as stored and as expected
    (r"the same [\d,]+ rows as", "the same N rows as"),
    (r"<lte:(\d+) gte:(\d+)>", r"<gte:\2 lte:\1>"),  # grpcurl prints options in any order
    (r"<max_len:(\d+) min_len:(\d+)>", r"<min_len:\2 max_len:\1>"),
    (r"─+", "─"),
    (r"\s+", " "),
]


def find_mismatch(page_lines: list[str], output: str) -> list[str] | None:
    """Return the lines of the page that the output lacks, or the output's end that the page lacks; None if they match.

    A line `…` matches any number of lines. The lines between two of them must follow one another in the output.
    """
    lines = _normalize(output.splitlines())
    first_part, *later_parts = _split_at_gaps(page_lines)
    if lines[: len(first_part)] != first_part:
        return first_part
    end = len(first_part)
    for part in later_parts:
        start = _find(part, lines, end)
        if start is None:
            return part
        end = start + len(part)
    return None if end == len(lines) or (later_parts and not later_parts[-1]) else lines[end:]


def _split_at_gaps(page_lines: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in _normalize(page_lines):
        if line == GAP:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _find(part: list[str], lines: list[str], start: int) -> int | None:
    indexes = range(start, len(lines) - len(part) + 1)
    return next((index for index in indexes if lines[index : index + len(part)] == part), None)


def _normalize(lines: list[str]) -> list[str]:
    return [text for line in lines if (text := _replace_volatile(line))]


def _replace_volatile(line: str) -> str:
    for pattern, replacement in VOLATILE:
        line = re.sub(pattern, replacement, line)
    return line.strip()
