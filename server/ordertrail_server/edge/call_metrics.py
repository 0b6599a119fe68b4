"""Metrics of calls, with the names and labels of go-grpc-middleware, which dashboards know."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from inspect import isasyncgenfunction
from time import perf_counter
from typing import Any

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram

from ordertrail_server.edge.call_code import code_of
from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.wrapped_handler import Behavior

LABELS = ("grpc_type", "grpc_service", "grpc_method")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# The names of codes in Go (google.golang.org/grpc/codes), which the labels of other servers have.
_CODES = {code: "".join(word.capitalize() for word in code.name.split("_")) for code in grpc.StatusCode} | {
    grpc.StatusCode.OK: "OK",
    grpc.StatusCode.CANCELLED: "Canceled",
}


class CallMetrics:
    """Counts and times calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: tuple[str, ...] = LABELS) -> Counter:
            return Counter(f"grpc_server_{name}", text, labels, registry=registry)

        self.started_calls = counter("started", "Calls that began.")
        self.ended_calls = counter("handled", "Calls that ended, by status code.", (*LABELS, "grpc_code"))
        self.received_messages = counter("msg_received", "Messages of streams and calls that were received.")
        self.sent_messages = counter("msg_sent", "Messages of streams and calls that were sent.")
        self.seconds = Histogram(
            "grpc_server_handling_seconds", "How long calls took.", LABELS, buckets=SECONDS, registry=registry
        )

    def measure(self, service: str, method: str, handler: Handler) -> Handler:
        """Return the same handler, with its calls measured."""
        if handler.unary_unary is not None:
            rpc = _Rpc(self, ("unary", service, method))
            return grpc.unary_unary_rpc_method_handler(rpc.measure_unary(handler.unary_unary))
        if handler.unary_stream is not None:
            rpc = _Rpc(self, ("server_stream", service, method))
            return grpc.unary_stream_rpc_method_handler(rpc.measure_stream(handler.unary_stream))
        rpc = _Rpc(self, ("bidi_stream", service, method))
        return grpc.stream_stream_rpc_method_handler(rpc.measure_stream(handler.stream_stream))


class _Rpc:
    """The metrics of one rpc. Their children are looked up once, because that takes longer than counting."""

    def __init__(self, metrics: CallMetrics, labels: tuple[str, str, str]) -> None:
        self._started_calls, self._seconds = metrics.started_calls.labels(*labels), metrics.seconds.labels(*labels)
        self._received_messages, self._sent_messages = (
            metrics.received_messages.labels(*labels),
            metrics.sent_messages.labels(*labels),
        )
        self._metrics, self._labels = metrics, labels
        self._ended_calls: dict[str, Counter] = {}

    def measure_unary(self, answer: Behavior) -> Behavior:
        async def behavior(request: Any, context: Context) -> bytes:
            # Without the context manager of streams, which would take as long as all of this.
            self._started_calls.inc()
            self._received_messages.inc(request is not None)
            begin, name = perf_counter(), "OK"
            try:
                response: bytes = await answer(request, context)
                self._sent_messages.inc()
                return response
            except BaseException as error:
                name = _CODES[code_of(error, context)]
                raise
            finally:
                self._note_end(name, begin)

        return behavior

    def measure_stream(self, answers_of: Behavior | None) -> Behavior:
        assert answers_of is not None
        if not isasyncgenfunction(answers_of):
            return self._measure_writer(answers_of)

        async def behavior(request: Any, context: Context) -> AsyncGenerator[bytes, None]:
            with self._measure(context):
                async with aclosing(answers_of(self._count(request), context)) as answers:
                    async for answer in answers:
                        self._sent_messages.inc()
                        yield answer

        return behavior

    def _measure_writer(self, write_answers: Behavior) -> Behavior:
        async def behavior(request: Any, context: Context) -> None:
            with self._measure(context):
                await write_answers(self._count(request), _CountedContext(context, self._sent_messages))

        return behavior

    def _count(self, request: Any) -> Any:
        if isinstance(request, bytes):
            self._received_messages.inc()
            return request
        return self._count_each(request)

    async def _count_each(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for request in requests:
            self._received_messages.inc()
            yield request

    @contextmanager
    def _measure(self, context: Context) -> Iterator[None]:
        self._started_calls.inc()
        begin, name = perf_counter(), "OK"
        try:
            yield
        except BaseException as error:
            name = _CODES[code_of(error, context)]
            raise
        finally:
            self._note_end(name, begin)

    def _note_end(self, name: str, begin: float) -> None:
        if name not in self._ended_calls:
            self._ended_calls[name] = self._metrics.ended_calls.labels(*self._labels, name)
        self._ended_calls[name].inc()
        self._seconds.observe(perf_counter() - begin)


class _CountedContext:
    """The context of a call that writes its answers itself."""

    def __init__(self, context: Context, messages: Counter) -> None:
        self._context, self._messages = context, messages

    async def write(self, answer: bytes) -> None:
        await self._context.write(answer)
        self._messages.inc()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
