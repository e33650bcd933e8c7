"""Our receiver: one offload of everything that a camera holds, by the SDK.

python -m tools.bench.our_receiver URI MIB DIRECTORY [insecure]

Without that word it speaks as the run does.
"""

import asyncio
import sys
from pathlib import Path

import bwc_sdk.transport.serial
import bwc_sdk.transport.tcp  # imports are no part of the sample
import bwc_sdk.transport.usbip_backend
from bwc_sdk.offload import OffloadPolicy, StoredVerified, offload
from tools.bench.process import measured
from tools.bench.sessions import insecure

MIB = 1_048_576


async def receive(uri: str, directory: Path, *, unprotected: bool = False) -> int:
    """Offloads; the bytes that are stored and verified. Raises when anything stayed behind."""
    policy = OffloadPolicy(allow_slow=True)
    job = offload(uri, directory, policy=policy, allow_insecure=unprotected, lab=not unprotected)
    async for _ in job:
        pass
    if not job.result.complete:
        raise ValueError(f"not complete: {job.result.outcomes}")
    done = [outcome for outcome in job.result.outcomes if isinstance(outcome, StoredVerified)]
    if any(outcome.already_there for outcome in done):
        raise ValueError("it was there already")
    return sum(segment.size_bytes for outcome in done for segment in outcome.segments)


if __name__ == "__main__":
    if sys.argv[1].startswith("ble:"):
        import bleak  # noqa: F401 (imports are no part of the sample)

        import bwc_sdk.transport.ble
        import bwc_sdk.transport.bumble_backend  # noqa: F401 (imports are no part of the sample)
    with measured():
        stored = asyncio.run(
            receive(sys.argv[1], Path(sys.argv[3]), unprotected="insecure" in sys.argv[4:] or insecure())
        )
        if stored != int(sys.argv[2]) * MIB:
            raise ValueError(f"{stored} bytes were stored")
