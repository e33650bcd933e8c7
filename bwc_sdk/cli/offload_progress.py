"""A progress bar for each recording, on a terminal."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from bwc_sdk.cli.offload_events import values_of
from bwc_sdk.cli.text import clean
from bwc_sdk.offload import (
    Connected,
    Finished,
    OffloadEvent,
    Progress,
    RecordingFinished,
    RecordingStarted,
    SegmentStored,
)


class ProgressView:
    """Bars on stderr, remarks above them; results belong on stdout and come later."""

    def __init__(self) -> None:
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False, emoji=False, markup=False),
        )
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> "ProgressView":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def tell(self, event: OffloadEvent) -> None:
        match event:
            case RecordingStarted(entry=entry):
                name = f"recording {entry.sequence}"
                self._tasks[entry.sequence] = self._bars.add_task(name, total=entry.size_bytes)
            case Progress(recording=recording, bytes_done=done, bytes_total=total):
                if recording in self._tasks:
                    self._bars.update(self._tasks[recording], completed=done, total=total)
            case RecordingFinished(outcome=outcome):
                task = self._tasks.pop(outcome.entry.sequence, None)
                if task is not None:
                    self._bars.stop_task(task)
                    self._bars.remove_task(task)
                self._remark(event)
            case Connected() | SegmentStored() | Finished():
                pass  # the note and the table at the end say it
            case _:
                self._remark(event)

    def _remark(self, event: OffloadEvent) -> None:
        values = values_of(event)
        if values:
            self._bars.console.print(Text(clean("  ".join(map(str, values)))))
