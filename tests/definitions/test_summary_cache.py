"""The cache of summaries saves time and can never change a definition."""

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from ordertrail_server.definitions import summary_cache
from ordertrail_server.definitions.summary import Summary, summarize
from ordertrail_server.definitions.summary_cache import FILE_NAME, SummaryCache, choose_directory

SOURCES = [f"import a{number}\nRATE = {number}\n".encode() for number in range(5)]


def summarize_all(directory: Path | None) -> list[Summary]:
    cache = SummaryCache(directory)
    summaries = [cache.summarize(source) for source in SOURCES]
    cache.save()
    return summaries


EXPECTED = [summarize(source) for source in SOURCES]


def fail_to_summarize(content: bytes) -> Summary:
    raise AssertionError("parsed")


def test_cached_source_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert summarize_all(tmp_path) == EXPECTED
    monkeypatch.setattr(summary_cache, "summarize", fail_to_summarize)
    assert summarize_all(tmp_path) == EXPECTED


def test_summaries_are_correct_whichever_byte_of_the_file_is_damaged(tmp_path: Path) -> None:
    summarize_all(tmp_path)
    file = tmp_path / FILE_NAME
    intact = file.read_bytes()
    for position in range(len(intact)):
        damaged = bytearray(intact)
        damaged[position] ^= 0x01
        file.write_bytes(damaged)
        assert summarize_all(tmp_path) == EXPECTED, position


def test_summaries_are_correct_wherever_the_file_is_cut(tmp_path: Path) -> None:
    summarize_all(tmp_path)
    file = tmp_path / FILE_NAME
    intact = file.read_bytes()
    for length in range(0, len(intact), 7):
        file.write_bytes(intact[:length])
        assert summarize_all(tmp_path) == EXPECTED, length


def test_damaged_line_is_replaced(tmp_path: Path) -> None:
    summarize_all(tmp_path)
    file = tmp_path / FILE_NAME
    intact = file.read_bytes()
    file.write_bytes(b"0" + intact[1:-2] + b"\xff\n")
    summarize_all(tmp_path)
    assert sorted(file.read_bytes().splitlines()) == sorted(intact.splitlines())


def test_lines_of_another_algorithm_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summarize_all(tmp_path)
    before = (tmp_path / FILE_NAME).read_text().split()
    monkeypatch.setattr(summary_cache, "ALGORITHM", "2")
    monkeypatch.setattr(summary_cache, "summarize", lambda content: Summary("new", ()))
    assert summarize_all(tmp_path) == [Summary("new", ())] * len(SOURCES)
    assert len((tmp_path / FILE_NAME).read_text().split()) < len(before)


def test_summaries_of_other_sources_are_kept_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summarize_all(tmp_path)
    monkeypatch.setattr(summary_cache, "_MAX_LINES", 5)
    for source, count in ((b"RATE = 5", 6), (b"RATE = 6", 1)):
        cache = SummaryCache(tmp_path)
        cache.summarize(source)
        cache.save()
        assert len((tmp_path / FILE_NAME).read_text().splitlines()) == count


@pytest.mark.parametrize("place", ["missing", "file", "directory in the way"])
def test_unusable_cache_costs_only_time(tmp_path: Path, place: str) -> None:
    directory = tmp_path / place
    if place == "file":
        directory.touch()
    if place == "directory in the way":
        (directory / FILE_NAME).mkdir(parents=True)
    assert summarize_all(directory) == EXPECTED
    assert [path.name for path in directory.glob("*")] == ([FILE_NAME] if place == "directory in the way" else [])


def summarize_often(directory: Path) -> bool:
    """Return whether each of many summaries was correct, while the file is removed and replaced."""
    results = []
    for _ in range(50):
        (directory / FILE_NAME).unlink(missing_ok=True)
        results.append(summarize_all(directory) == EXPECTED)
    return all(results)


def test_concurrent_writers_leave_a_complete_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(summarize_often, [tmp_path] * 3))
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert len((tmp_path / FILE_NAME).read_text().splitlines()) == len(SOURCES)


def test_file_is_beside_the_compiled_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    compiled_code = Path(cache_from_source(summary_cache.__file__)).parent
    compiled_code.mkdir(parents=True)
    assert choose_directory(None) == compiled_code


@pytest.mark.parametrize("writes_bytecode", [True, False])
def test_file_is_elsewhere_if_compiled_code_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes_bytecode: bool
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", not writes_bytecode)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path) if writes_bytecode else None)
    assert choose_directory(tmp_path) == tmp_path
