"""What a neighbouring tool does: `requests` downloads files, hashes what arrives, writes and syncs it.

    python -m tools.bench.http_receiver URL MIB DIRECTORY FILES

It does not read back: what is on the medium is not looked at.
"""

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

import requests

from tools.bench.process import measured

MIB: Final = 1_048_576


def download(session: requests.Session, url: str, directory: Path, number: int) -> None:
    """One file, under its final name and on the medium."""
    part, final = directory / f"{number}.part", directory / str(number)
    sha256 = hashlib.sha256()
    with session.get(url, stream=True, timeout=60) as answer, part.open("xb") as file:
        answer.raise_for_status()
        for piece in answer.iter_content(MIB):
            sha256.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    part.rename(final)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)


if __name__ == "__main__":
    with measured(), requests.Session() as session:
        for number in range(int(sys.argv[4])):
            download(session, f"{sys.argv[1]}/{int(sys.argv[2]) * MIB}", Path(sys.argv[3]), number)
