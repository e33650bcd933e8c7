"""`bwc` and `python -m bwc_sdk`. The version is told before anything is loaded: scripts ask for it often."""

import sys

from bwc_sdk.version import __version__


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and gives its exit code (README, "Exit codes")."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in (["--version"], ["-V"]) and sys.stdout is not None:
        try:
            sys.stdout.write(f"bwc {__version__}\n")
            sys.stdout.flush()
            return 0
        except OSError:
            pass  # full, or nobody reads it: told as for any other verb
    from bwc_sdk.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
