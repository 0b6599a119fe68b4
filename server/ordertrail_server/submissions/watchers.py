"""The calls that watch commands."""

from asyncio import Event


class Watchers:
    """Events of calls, by command id: each is set when the state of its command changes, or the server stops."""

    def __init__(self) -> None:
        self._events: dict[str, set[Event]] = {}
        self.draining = False

    def add(self, command_id: str) -> Event:
        """Begin a watch; return its event."""
        event = Event()
        self._events.setdefault(command_id, set()).add(event)
        return event

    def remove(self, command_id: str, event: Event) -> None:
        """End a watch."""
        events = self._events.get(command_id, set())
        events.discard(event)
        if not events:
            self._events.pop(command_id, None)

    def notify(self, command_id: str) -> None:
        """Note that the state of a command has changed."""
        for event in self._events.get(command_id, ()):
            event.set()

    def drain(self) -> None:
        """End all watches, now and from now on."""
        self.draining = True
        for command_id in list(self._events):
            self.notify(command_id)
