"""An exhaustive model of submitted commands: it visits every state that a few commands and two servers can reach.

The log holds the records of one order (fold.py): facts, and refusals of submitted commands. The real chain rule judges
them. The commands (commands.py) are submitted ones, which wait in a log of their own, and calls. Both servers
(server.py) process both kinds. A server of the previous release executes calls only.

A step (exploration.py) is one of these:

- A record that a server has sent lands on the log. A sent record may land late, never, or repeatedly.
- A server folds the next record of the log.
- A server restarts from a snapshot, or from the beginning of the log: it forgets the records that it has folded since.

Wherever a server is, it sends at once every record that it may send there, and shows every outcome that it may show.
This loses no behaviour: a record may never land, and to send or show something prevents nothing.

A decision may go either way on any state. So the model covers every verb, an order that does not exist yet, an expected
version (which the digest of a command leaves out), and rules that differ between releases.

The guarantees (guarantee.py), checked in every state:

- No record breaks the chain, and all servers give it the same verdict.
- A request id has one outcome at most, and no command is both accepted and refused.
- An outcome that a server has shown never changes, on any server.
- All servers show the decided commands of the order in the same sequence. Submitted commands are decided in the
  sequence in which they were submitted, except that a call may decide its request id earlier.
- A restart from any snapshot agrees with a fold from the beginning.
- A record that was decided on the newest state is not void if it lands next, so a retry ends.

What a server sends and shows follows from the part of the log that it has folded. So the log alone determines what any
number of servers can do. `explore_logs` uses this to check longer logs.

Not in the model: atomic appends, in which a record may name an earlier one of the same append; damage; a log that was
restored from a backup.

The tests: test_model.py explores the design. test_model_coverage.py checks that the model reaches the situations that
matter. test_model_mutants.py plants a defect (mutants.py) and expects the violation to which it leads.
"""
