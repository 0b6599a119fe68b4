"""All folds of the server side by side: they must give every message the same verdict."""

from tests.client.topic_generator import Message
from tests.commands.simulation.order_stores import MemoryStore, NothingProjected
from tests.log.memory import MemoryLog

from ordertrail_server.commands.fold import Fold
from ordertrail_server.facts.partition_fold import PartitionFold
from ordertrail_server.facts.step import Place
from ordertrail_server.log.kafka.cursor import decode_key
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Logged
from ordertrail_server.orders import chain
from ordertrail_server.orders.aggregate import NO_ORDER
from ordertrail_server.projections.order_fold import OrderFold


class ServerFolds:
    """Judges messages of all partitions as a writer, the engine, and `ordertrail tail` do."""

    def __init__(self, partitions: int) -> None:
        log, numbers = MemoryLog(partitions=partitions), range(partitions)
        places = [Place(number, partitions) for number in numbers]
        self._writers = [Fold(log, number, NothingProjected()) for number in numbers]
        self._engines = [OrderFold("", place, {}, lambda order_id, version: ()) for place in places]
        self._stores = [MemoryStore(place) for place in places]
        self._tails = [PartitionFold(number, partitions) for number in numbers]
        self._ends = [0] * partitions

    def judge(self, message: Message) -> str:
        """Return the verdict of all folds on the next message."""
        key, value, partition = message
        logged = Logged(self._ends[partition], decode_key(key), value or b"", chain.digest(value or b""))
        self._ends[partition] += 1
        verdict = self._writers[partition].take(logged)
        assert verdict is not None
        self._stores[partition].project([logged])
        assert self._fold_by_engine(partition, logged) == verdict.value
        assert self._tails[partition].judge(logged).verdict == verdict.value
        return verdict.value

    def _fold_by_engine(self, partition: int, logged: Logged) -> str:
        engine = self._engines[partition]
        engine.take(logged)
        non_facts = {message.offset: judged.verdict.value for message, judged in engine.batch.non_facts}
        return non_facts.get(logged.offset, chain.Verdict.FACT.value)

    def heads_of(self, order_id: str) -> list[tuple[int, bytes]]:
        """Return version and digest of an order's newest link, as the writer, the engine and the store have it."""
        partition = partition_of(order_id, len(self._ends))
        engine = self._engines[partition].orders.get(order_id, NO_ORDER)
        orders = [
            self._writers[partition].aggregate(order_id),
            engine,
            self._stores[partition].aggregate(order_id)[0],
        ]
        return [(order.version, order.head) for order in orders]
