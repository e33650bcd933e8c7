"""The least for many small files: `cp -r` and `sync`, from one directory to another of the same disk.

    python -m tools.bench.copy_receiver SOURCE MIB DIRECTORY FILES

No link, no hash, no read-back, and one sync for all of them.
"""

import subprocess
import sys

from tools.bench.process import measured

if __name__ == "__main__":
    with measured():
        subprocess.run(["cp", "-r", sys.argv[1], sys.argv[3]], check=True)
        subprocess.run(["sync", "-f", sys.argv[3]], check=True)
