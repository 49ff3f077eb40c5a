"""`python tether.py PARENT COMMAND ...`: becomes COMMAND, which the kernel kills as soon as PARENT is gone.

For tests: a runner that was killed itself leaves no server behind. Linux ties the bond to the thread that started
this, so start it from one that lives as long as the process.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):  # it went before the bond was tied
    raise SystemExit(1)
os.execvp(sys.argv[2], sys.argv[2:])
