"""Why a stored event may have no reading."""


class CannotUpcast(ValueError):
    """What was said has no reading in the next version; the text is one plain sentence for whoever must mend it."""
