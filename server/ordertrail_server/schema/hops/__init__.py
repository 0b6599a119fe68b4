"""How one message reads as another: matched field by field from descriptors and rules, then compiled once to closures.

plan ← matching (a stored version from its predecessor) and public_match (the public event from the newest version);
compiler makes a plan a function, by an excerpt of the old message (known, excerpt) and what is done beside parsing it
(moves, inside, enums); functions finds the Python for what rules cannot say.
"""
