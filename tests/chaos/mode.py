"""How much chaos, and which: `CHAOS=short|full`, and `CHAOS_SEED`, from which every random choice follows."""

import os
import random

FULL = {"short": False, "full": True}[os.environ.get("CHAOS", "short")]
SEED = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
os.environ["CHAOS_SEED"] = SEED  # the processes of a run that tests side by side must collect the same
HEAL_SECONDS = 60.0  # from healing until the last order has ended, on a machine that does nothing else
PATIENCE_SECONDS = 240.0  # after which an order counts as lost


def chance(name: str) -> random.Random:
    """The random choices of what has this name: the same for a seed, whatever else runs."""
    return random.Random(f"{SEED}:{name}")
