"""`make test-stack`: the serial, USB and BLE subset of the HIL suite through an unmodified Linux kernel.

python -m tools.stack [PYTEST OPTION…]     such as -x, or -k pulled
python -m tools.stack --run COMMAND…       anything else in the guest
"""

import compileall
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.stack import kernel, packages
from tools.stack.initramfs import MODULES, initramfs
from tools.stack.machine import Limits, run
from tools.stack.verdict import UNAVAILABLE, verdict

PROJECT: Final = Path(__file__).parents[2]
BOOT_S: Final = 60.0
"""Ten times what it takes; a machine that is slower would not finish the tests either."""
RUN_S: Final = 900.0
"""Five times what it takes: a shared machine is slow now and then."""
OURS: Final = ("bwc_sdk", "firmware_sim", "hil_tests", "protocol", "tools/stack")


def main(arguments: list[str]) -> int:
    """Gives the exit code (`tools.stack.verdict`)."""
    if platform.machine() != "x86_64" or not packages.debian():
        print("the real stacks need an x86-64 machine with Debian's apt: nothing was tested", file=sys.stderr)
        return UNAVAILABLE
    if lacking := packages.missing():
        print(f"not installed: {', '.join(lacking)}\n    {packages.INSTALL}", file=sys.stderr)
        return UNAVAILABLE
    try:
        chosen = kernel.ready(kernel.cache_directory())
    except kernel.KernelMissing as error:
        print(f"no kernel: {error}", file=sys.stderr)
        return UNAVAILABLE
    # The guest could compile our modules for itself, ten times slower, and would do so in each of its processes.
    for name in OURS:
        compileall.compile_dir(PROJECT / name, quiet=2)
    command = [sys.executable, "-m", "tools.stack.inside", str(chosen.modules), *arguments]
    print(f"booting Linux {chosen.version}, unmodified", flush=True)
    with tempfile.TemporaryDirectory(prefix="bwc-stack-") as out:
        outcome = run(
            chosen.vmlinux,
            initramfs(chosen.modules_for(MODULES)),
            command,
            directory=PROJECT,
            out=Path(out),
            limits=Limits(BOOT_S, RUN_S),
            said=_say,
        )
    code, sentence = verdict(outcome)
    print(sentence, file=sys.stderr if code else sys.stdout)
    return code


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    # A time limit around it must not leave the machine running: as an exception it gets there.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.chdir(PROJECT)
    sys.exit(main(sys.argv[1:]))
