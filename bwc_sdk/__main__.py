"""`bwc` and `python -m bwc_sdk`. The version is told before anything is loaded: scripts ask for it often."""

import sys

from bwc_sdk.version import __version__

MISSING_PART = 11  # as in `bwc_sdk.cli.exit_codes`, which may not load


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and gives its exit code (docs/errors.md)."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in (["--version"], ["-V"]) and sys.stdout is not None:
        try:
            sys.stdout.write(f"bwc {__version__}\n")
            sys.stdout.flush()
            return 0
        except OSError:
            pass  # full, or nobody reads it: told as for any other verb
    try:
        from bwc_sdk.cli.running.loading import uncollected

        with uncollected():
            from bwc_sdk.cli.app import run
        code = run(arguments)
        if argv is None:  # the process ends now: it need not look through all that was loaded once more
            import gc

            gc.freeze()
        return code
    except Exception as error:  # not even the command line can be loaded
        told = _told(error, as_json="--json" in arguments)
        if told is None:
            raise
        sys.stderr.write(f"{told}\n")
        return MISSING_PART


def _told(error: Exception, *, as_json: bool) -> str | None:
    """What is wrong with a package that everything needs, or None if nothing is."""
    from bwc_sdk.host.packages import CORE, problems

    found = problems(CORE)
    if not found:
        return None
    rule, advice = found[0].rule, found[0].advice
    if not as_json:
        return f"error: installation: {rule}\n  try: {advice}"
    import json

    facts = {"class": "WrongPart", "exit_code": MISSING_PART, "layer": "installation", "device": ""}
    return json.dumps({"error": {**facts, "rule": rule, "advice": advice}})


if __name__ == "__main__":
    sys.exit(main())
