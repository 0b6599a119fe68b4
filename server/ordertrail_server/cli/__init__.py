"""The command line: one file per command. `main` lists them.

A command's module imports only click at its top, so that help is fast.
"""
