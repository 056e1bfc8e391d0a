"""Run the command in the arguments; the last line of the output is its peak memory in bytes.

A process in between, because Linux counts what the parent held when it forked as the child's own, and this one is small.
"""

import resource
import subprocess
import sys

subprocess.run(sys.argv[1:], check=True)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)
