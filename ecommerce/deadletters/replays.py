"""What comes of a replay."""

from dataclasses import dataclass, field
from typing import Any

from ecommerce.messages import Envelope
from ecommerce.storage import Document


@dataclass(slots=True)
class Replay:
    """What a replay of a chain led to, or would. `left` letters wait still, `error` tells why."""

    taken: list[str] = field(default_factory=list)
    failed: str = ""
    error: str = ""
    left: int = 0
    events: list[Envelope[Any]] = field(default_factory=list)
    changes: list[tuple[str, str, Document, Document]] = field(default_factory=list)

    def add(self, step: "Replay") -> None:
        """Goes on with what a further step led to."""
        self.taken += step.taken
        self.events += step.events
        self.changes += step.changes
        self.failed, self.error, self.left = step.failed, step.error, step.left
