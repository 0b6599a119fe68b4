"""The span of one post of a webhook. It continues the trace of its event, and the receiver can continue that of it.

Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/. The URL is not recorded, because its path and
query may contain secrets.
"""

import json
from types import TracebackType
from typing import TYPE_CHECKING, Self

from yarl import URL

from ordertrail_server.subscriptions.webhook_changes import Prepared
from ordertrail_server.webhooks.http_response import HttpResponse

if TYPE_CHECKING:
    from ordertrail_server.telemetry.tracing import Tracing


class PostTrace:
    """The span of a post, which is sent with `headers`. Without tracing there are none."""

    def __init__(self, tracing: "Tracing | None", prepared: Prepared, url: str, number: int) -> None:
        """`number` counts the attempts; it is 0 if an operator asks for one."""
        self.headers: dict[str, str] = {}
        self._span = None
        if tracing is None:
            return
        traceparent = str(json.loads(prepared.body).get("traceparent", ""))
        attributes = _attributes_of(prepared, URL(url, encoded=True), number)
        self._span = tracing.start("POST", "client", traceparent, attributes)
        if self._span is not None:
            self.headers["traceparent"] = self._span.traceparent
        elif tracing.is_valid(traceparent):  # so that the receiver does not record it either
            self.headers["traceparent"] = traceparent

    def note_response(self, response: HttpResponse) -> None:
        """Note the status of the response; one from 400 on is an error."""
        if self._span is not None:
            self._span.set("http.response.status_code", response.status)
            if response.status >= 400:
                self._note_error(str(response.status))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._span is not None:
            if error is not None:
                self._note_error(type(error).__name__)
            self._span.end()

    def _note_error(self, name: str) -> None:
        if self._span is not None:
            self._span.set("error.type", name)
            self._span.fail()


def _attributes_of(prepared: Prepared, url: URL, number: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "http.request.method": "POST",
        "url.scheme": url.scheme,
        "server.address": url.host or "",
        "server.port": url.port or 0,
        "ordertrail.order_id": prepared.order_id,
    }
    return {**attributes, "http.request.resend_count": number - 1} if number > 1 else attributes
