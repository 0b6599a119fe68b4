"""Simulates the write path on a log with faults, and checks its guarantees after every run.

A run is deterministic: a scenario (scenario.py) has a seed, and the seed decides every step. One to three servers
(simulated_server.py) run the real writer and fold. Their log, clock, callers and projectors are simulated.

In each step (step.py) one thing happens:

- A caller sends a request (request_generator.py): a new command, a retry, or a reused request id.
- One call of a server on the log advances (connection.py), perhaps with a fault.
- A server crashes, freezes, or gets a wrong clock. A caller cancels. Time passes.
- A server's projector commits up to some offset, or reports an earlier commit to the writer (projector.py). It may also
  commit between any two queries of the writer. What it has committed survives a crash (order_stores.py).
- A delayed record is appended, or a record that no server wrote (injected_record.py), or the recorded refusal of a
  submitted command, which is a link, late, or damage (injected_refusal.py).

The faults of the log: an append fails, or succeeds with an unknown outcome; a record is appended late, twice or never;
records of other servers are stored between those of one append; a read or an end offset is stale; the log is
unavailable.

The guarantees (guarantee_check.py), compared with a slow reference fold of the same log (reference_fold.py):

- Servers break no chain and append no foreign record.
- A request leads to one fact at most, and to none after its recorded refusal. Every fact follows from a call and was
  allowed by the order's rules.
- The time of an order never goes back.
- All receipts of one command are equal. Every answer is linearizable (answer_check.py).
- Every call is answered once the faults end (run.py).
- All folds agree: each server's, one from offset 0, and one beside a projector (fold_check.py).
- A tail holds no record once it is projected and reported.

The tests: test_simulation.py runs random scenarios. test_mutants.py plants known defects (chain_mutants.py,
projection_mutants.py) and expects a broken guarantee. test_alternating_servers.py expects no void record if commands do
not overlap.
"""
