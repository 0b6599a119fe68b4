"""The base class of errors for the operator. Every package may import this module, which imports nothing."""


class OperatorError(Exception):
    """A server or command cannot continue before its operator acts. The message names the cause, and often a remedy.

    Commands print the message without a traceback.
    """
