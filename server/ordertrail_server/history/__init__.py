"""Queries and streams over the read model, in the order of a question's way:

tokens        tokens and page tokens of a request, read or refused
freshness     waiting until the read model is whole and includes what a token names (progress: how far it has come)
recency       until when answers are known to include all of the log
read_model    a pool of readers, each answer from one short read transaction
event_filter  which events are asked for, as SQL over the indexes; order_filter: which orders
frames        stored events joined as bytes (joining), never parsed
gathering     events of one answer, step by step, and the parked orders it passes over (passed_over)
orders        GetOrder (as_of: as it stood), ListOrders
events        ListOrderEvents
parked_orders ListParkedOrders, GetParkedOrder
event_schemas ListEventSchemas; explain: ExplainEvent
stream        StreamOrderEvents: start, one scan after another; arrivals and topics: who is woken by what
"""
