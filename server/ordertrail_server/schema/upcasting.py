"""The error of an event that cannot be upcast."""


class CannotUpcast(ValueError):
    """An event cannot be read as the next version. The text is one sentence with the cause."""
