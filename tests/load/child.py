"""Python programs of this working copy that a measurement runs to their end. They die with it, however it ends."""

import os
import subprocess
import sys

from deploy.local import places


def output_of(*arguments: str, seconds: float) -> str:
    """What `python <arguments>` prints, with the project's own settings. Fails if it does, or takes `seconds`."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(places.TETHER), str(os.getpid()), sys.executable, *arguments],
        cwd=places.ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, f"{arguments} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout.strip()
