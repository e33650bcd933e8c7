"""The one command of the guest's first process.

python -m tools.stack.inside MODULES [PYTEST OPTION…]
python -m tools.stack.inside MODULES --run COMMAND…
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.stack.inside.program import PLUGINS, warm_up
from tools.stack.inside.system import bring_up

TEST_S: Final = 330
"""One test, in a machine that is a dozen times slower than its host: longer than the suite waits for itself, so that
what it printed is told."""
FILES: Final = (
    "test_suite.py",
    "test_usb.py",
    "test_pulled.py",
    "test_gadget.py",
    "test_devices.py",
    "test_bluetooth.py",
)
"""In this order: the suite in the air is started first of all, and runs beside the other two."""


def main() -> int:
    modules, *options = sys.argv[1:]
    if options[:1] == ["--run"]:
        bring_up(Path(modules))
        return subprocess.run(options[1:], check=False).returncode
    warm_up()
    bring_up(Path(modules))
    import pytest  # meanwhile

    here = Path(__file__).parent
    limits = (*PLUGINS, "-v", "-o", f"timeout={TEST_S}", "--durations=0", "--durations-min=1")
    return int(pytest.main([*(str(here / name) for name in FILES), *limits, *options]))


if __name__ == "__main__":  # not in the processes that are forked from it
    sys.exit(main())
