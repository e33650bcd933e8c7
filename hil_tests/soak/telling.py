"""What `bwc soak` says: a line for each cycle, and what became of them all."""

from __future__ import annotations

from pathlib import Path

from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.quantity import size
from hil_tests.soak.journal import HELD, CycleRecord, Journal


def line_of(record: CycleRecord) -> str:
    """A cycle in one line."""
    rate = f", {size(round(record.offload_rate))}/s" if record.offload_rate else ""
    came = f"{size(record.offload_bytes)} came{rate}" if record.offload_bytes else "nothing new"
    words = [f"cycle {record.cycle} {record.result}", came, f"{record.stored} stored"]
    if record.faults:
        words.append(f"line {record.faults}")
    if record.interruptions or record.reconnections:
        words.append(f"stopped {record.interruptions}×, connected again {record.reconnections}×")
    return "; ".join(words)


def tell(output: Output, journal: Journal, folder: Path) -> None:
    """What became of all cycles."""
    from hil_tests.soak.cycle import CAPTURES
    from hil_tests.soak.plot import NAME

    broken, head = journal.broken, journal.head
    picture = folder / NAME
    captures = folder / CAPTURES / f"cycle-{broken.cycle:05d}" if broken is not None else None
    output.show(
        {
            "soak": {
                "identity": head.identity,
                "simulator": head.simulator,
                "docking": head.docking,
                "seed": head.seed,
                "cycles": len(journal.cycles),
                "held": broken is None,
                "invariant": broken.invariant if broken is not None else None,
                "result": broken.result if broken is not None else HELD,
                "captures": str(captures) if captures is not None else None,
                "journal": str(journal.path),
                "plot": str(picture) if picture.exists() else None,
            }
        }
    )
    if output.as_json:
        return
    if broken is None:
        output.write(clean(f"all held in {len(journal.cycles)} cycles of {head.identity}, seed {head.seed}"))
    else:
        output.write(clean(f"cycle {broken.cycle}, seed {head.seed}: {broken.result}"))
        output.write(clean(f"what passed is in {captures}"))
    if picture.exists():
        output.write(clean(f"the trend: {picture}"))
