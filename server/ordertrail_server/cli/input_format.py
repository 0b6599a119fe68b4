"""Detects a wrong format of an input file (not one JSON document per line) from its first bytes."""

import codecs

HEAD_BYTES = 65_536
EXPECTED = "but must be UTF-8 text with one JSON document per line"
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "ZIP",
}
_SEPARATORS = (b",", b";", b"\t")


def describe_other_format(head: bytes) -> str:
    """Return the file's actual format as the end of a sentence; "" if it may be the expected one."""
    return _describe_bytes(head) or _describe_text(head.removeprefix(codecs.BOM_UTF8).strip())


def _describe_bytes(head: bytes) -> str:
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            return f"is compressed ({name}), {EXPECTED}: decompress it first"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head[:4]:
        return f"is UTF-16, {EXPECTED}: convert it with `iconv -f UTF-16 -t UTF-8`"
    return ""


def _describe_text(text: bytes) -> str:
    lines = [line.strip() for line in text.splitlines()]
    if text.startswith(b"["):
        return f"is a JSON array, {EXPECTED}: convert it with `jq -c '.[]'`"
    if len(lines) > 1 and lines[0] == b"{":
        return f"holds JSON documents of several lines each, {EXPECTED}: convert it with `jq -c .`"
    if lines and lines[0].count(b"{") == 0 and not any(line.startswith(b"{") for line in lines):
        return f"is CSV, {EXPECTED}" if any(separator in lines[0] for separator in _SEPARATORS) else ""
    return ""
