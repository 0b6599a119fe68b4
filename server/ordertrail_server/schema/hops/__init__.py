"""Read one message as another: match the fields by descriptors and rules, then compile the plan once to closures.

`matching` plans a stored version from its predecessor, `public_match` the public event from the newest version.
`compiler` makes a plan a function. The function parses an excerpt of the old message (`excerpt_fields`, `excerpt`);
`moves`, `nested_messages` and `enums` do what parsing alone cannot do.
"""
