"""The ends of a topic's partitions that a process has seen, and the gaps without records in front of them."""

NO_GAP = (-1, -1)


class KnownEnds:
    """The highest end of each partition that any broker reported, without a gap that is known to lie at the end.

    A gap holds only transaction markers, which are offsets without records.
    """

    def __init__(self, partitions: int) -> None:
        self._ends = [0] * partitions
        self._gaps = [NO_GAP] * partitions

    def __getitem__(self, partition: int) -> int:
        return self._ends[partition]

    def advance(self, partition: int, end: int) -> bool:
        """Raise a partition's end to an end that a broker reported. Return whether it grew."""
        end = self.end_before_gap(partition, end)
        grew = end > self._ends[partition]
        if grew:
            self._ends[partition] = end
        return grew

    def record_gap(self, partition: int, begin: int, end: int) -> None:
        """Note that there are no records at the offsets from `begin` to `end`."""
        if self._ends[partition] <= end:  # else a record arrived meanwhile
            self._gaps[partition] = (begin, end)
            self._ends[partition] = begin

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return the end of the gap that begins at `offset`; `offset` itself if none is known there."""
        begin, end = self._gaps[partition]
        return end if begin == offset else offset

    def end_before_gap(self, partition: int, end: int) -> int:
        """Return the begin of the gap that ends at `end`; `end` itself if none is known there."""
        begin, gap_end = self._gaps[partition]
        return begin if end == gap_end else end
