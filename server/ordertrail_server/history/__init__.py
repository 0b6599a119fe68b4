"""Queries and streams over the read model, in the order of a query's path:

tokens        tokens and page tokens of a request, read or refused
freshness     waits until the read model is complete and includes a token's offsets (progress: the offsets it reached)
recency       the latest time as of which answers are complete
read_model    a pool of readers, each answer from one short read transaction
event_filter  the filter of events as SQL over the indexes; order_filter: of orders
version_search  the version of an order at a time or a position
event_rows    the rows of an event_filter in a span of positions, upwards or downwards
frames        stored events joined as bytes (blob_join), never parsed
page_builder  events of one answer, step by step, and the parked orders that it skips (skipped_orders)
past_state    orders at versions in the past: snapshots, and the events after them
orders        GetOrder (as_of: at a point), ListOrders
events        ListOrderEvents
parked_orders ListParkedOrders, GetParkedOrder (parked_state: refuses reads of parked orders)
event_schemas ListEventSchemas; explain: ExplainEvent
streaming     StreamOrderEvents: start, then scan after scan; arrivals and subjects wake the streams of a stream_hub
"""
