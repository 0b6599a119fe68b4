"""The Ordertrail server. The packages in the order of a command's path:

edge         1  gRPC: one file per service, errors, interceptors
commands     2  the write path: the writer (group commit) and the state it decides on
orders       3  the pure rules: decide, evolve, the chain rule
schema       4  stored events to public events and back, and old producers' JSON
log          5  the port of the log and its adapters
projections  6  the projector and the read model
history      7  queries and streams over the read model

`definitions` digests what the code of a store does. `authoring` edits a tree of protos for the next version of an
event. `cli` has the operator's commands; `settings` has the settings of a server.
"""
