"""`bwc soak`: a night of docking, with invariants each cycle."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.failure import NoDeviceNamed
from bwc_sdk.cli.running.on_camera import identity_of
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.errors import BwcError, HostFileError, InvalidUri, InvalidValue, WrongDevice
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.host.required_packages import lacking_for
from bwc_sdk.transport.uri import DeviceUri
from bwc_sdk.version import __version__
from hil_tests.soak.journal import CycleRecord, Head, Journal
from hil_tests.soak.telling import line_of, tell

if TYPE_CHECKING:
    from hil_tests.benches.bench_file import BenchDevice
    from hil_tests.soak.cycle import Soaking
    from hil_tests.soak.hands import Hands

CYCLES_MAX: Final = 1_000_000
VERIFY_MAX: Final = 10_000
PLOT_EVERY: Final = 50
"""Cycles after which the picture is drawn anew: who is killed in the morning leaves one of the night."""
IN_MEMORY: Final = "sim"

app = verbs()


@dataclass(frozen=True, slots=True)
class Under:
    """What is soaked."""

    uri: str
    settings: Settings
    expendable: str | None
    entry: BenchDevice | None


@app.command("soak")
@local_verb
def soak(
    settings: Settings,
    output: Output,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="DIR", readable=False, help="Where it all goes; made if it is missing."
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="DIR", readable=False, help="Go on with the soak that is in DIR."),
    ] = None,
    cycles: Annotated[
        int | None,
        typer.Option(
            "--cycles", metavar="N", min=1, max=CYCLES_MAX, help="How many, those of before included."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="06:00", help="Begin no cycle after this time, by this host's time zone."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", metavar="N", min=0, max=0xFFFF_FFFF, help="What draws shifts and faults. Default: any."
        ),
    ] = None,
    erase: Annotated[
        bool,
        typer.Option(
            "--erase", help="Sign receipts here, and have the device erase what is stored: the whole way."
        ),
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults/--no-faults", help="Faults on the line, where it is a simulator's.")
    ] = True,
    verify_every: Annotated[
        int,
        typer.Option(
            "--verify-every",
            metavar="N",
            min=1,
            max=VERIFY_MAX,
            help="Each so many cycles all footage of the store is read.",
        ),
    ] = 10,
    plot: Annotated[
        bool, typer.Option("--plot/--no-plot", help="Draw trend.png (needs the extra 'plot').")
    ] = True,
    expendable: Annotated[
        str | None,
        typer.Option(
            "--expendable",
            metavar="ID",
            help="The device of this serial number is for tests, simulator or not.",
        ),
    ] = None,
    bench: Annotated[
        Path | None,
        typer.Option(
            "--bench", metavar="FILE", readable=False, help="A bench file: device, keys and actuators."
        ),
    ] = None,
    use: Annotated[
        str | None, typer.Option("--use", metavar="NAME", help="Which device of the bench file.")
    ] = None,
    attended: Annotated[
        bool,
        typer.Option(
            "--attended", help="Somebody is there, and does what actuators that are a person ask for."
        ),
    ] = False,
) -> int:
    """Dock, offload, verify, undock and resume a camera, again and again.

    Each cycle ends by holding the device and the store against all that was seen before. The first invariant that does
    not hold ends the soak, with the captures of that cycle kept; 'bwc soak --resume DIR' goes on after a kill. A
    simulator in this process is worn for a shift that passes at once; other devices are docked by actuators of the
    bench, or else stay, and the link is closed. A device that is no simulator has to be named by --expendable, since
    its footage is copied to this host. Exits with 0 if all held, 20 if something did not. BWC_DEVICE is not looked at.
    """
    folder, journal = _folder(report, resume)
    for option, given in (
        ("--role", settings.role),
        ("--timeout", settings.timeout_s),
        ("--capture", settings.capture),
    ):
        if given is not None:
            raise typer.BadParameter(f"{option} is not for this verb: its cycles choose for themselves")
    ends_at = _ends_at(until)
    if plot:
        _demand_plot()
    under = _under(settings, journal, bench, use, expendable)
    if journal is not None:
        if seed is not None and seed != journal.head.seed:
            raise typer.BadParameter(f"the soak in {folder} has the seed {journal.head.seed}")
        seed = journal.head.seed
        if journal.broken is not None:
            tell(output, journal, folder)
            return ExitCode.NOT_CONFORMING
    chosen = secrets.randbelow(2**32) if seed is None else seed
    run = _Run(output, folder, journal, under, chosen, cycles, ends_at, plot)
    run.options = {"erase": erase, "faults": faults, "verify_every": verify_every, "attended": attended}
    return run.to_its_end()


def _folder(report: Path | None, resume: Path | None) -> tuple[Path, Journal | None]:
    if (report is None) == (resume is None):
        raise typer.BadParameter(
            "say where the soak goes, --report DIR, or with which to go on, --resume DIR"
        )
    if resume is not None:
        return resume, Journal.resume(resume)
    assert report is not None
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule = f"no soak can be written into {report}: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    return report, None


def _ends_at(until: str | None) -> float | None:
    if until is None:
        return None
    try:
        import pytest

        from hil_tests.run.until import next_at
    except ImportError as error:
        raise lacking_for("bench", "'bwc soak --until'") from error
    try:
        return next_at(until, time.time())
    except pytest.UsageError as error:
        raise typer.BadParameter(
            f"--until {until[:40]!r} is no time of the day: write it as 06:00"
        ) from error


def _demand_plot() -> None:
    """Before the night, and not after it. Raises `MissingExtra`."""
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401  # only whether it is there
    except ImportError as error:
        missing = lacking_for("plot", "the plot of 'bwc soak'")
        missing.advice += "; or leave the picture out: --no-plot"
        raise missing from error


def _under(
    settings: Settings, journal: Journal | None, bench: Path | None, use: str | None, expendable: str | None
) -> Under:
    """What is soaked, by the options, the bench file and the soak that is resumed. Raises `NoDeviceNamed`."""
    from dataclasses import replace

    entry = None
    if bench is not None:
        from hil_tests.benches.bench_file import read_bench

        entry = read_bench(bench).choose(use)
        own = settings.identity is not None
        settings = replace(
            settings,
            identity=settings.identity or entry.identity,
            allow_insecure=settings.allow_insecure or (entry.insecure and not own),
        )
        expendable = expendable or (entry.serial_number if entry.expendable else None)
    elif use is not None:
        raise typer.BadParameter("--use names a device of a bench file: name that, too, by --bench FILE")
    uri = settings.device or (entry.uri if entry is not None else None)
    if journal is not None:
        if uri is not None and uri != journal.head.device:
            raise typer.BadParameter(f"the soak is of {journal.head.device}, and of no other device")
        uri = journal.head.device
    if uri is None:
        raise NoDeviceNamed(
            "no device is named", advice="name the one to soak: --device URI; BWC_DEVICE is not looked at"
        )
    return Under(uri, settings, expendable, entry)


class _Run:
    """One call of the command."""

    def __init__(
        self,
        output: Output,
        folder: Path,
        journal: Journal | None,
        under: Under,
        seed: int,
        cycles: int | None,
        ends_at: float | None,
        plot: bool,
    ) -> None:
        self.options: dict[str, Any] = {}
        self._output, self._folder, self._journal = output, folder, journal
        self._under, self._seed = under, seed
        self._cycles, self._ends_at, self._plot = cycles, ends_at, plot

    def to_its_end(self) -> int:
        from bwc_sdk.sync.loop import loop_thread

        hands = self._hands()
        try:
            loop_thread().run(self._main(hands))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"go on with it: bwc soak --resume {self._folder}") from None
        except BwcError:
            if self._journal is not None:
                self._output.note(f"note: once that is mended: bwc soak --resume {self._folder}")
            raise
        finally:
            hands.close()
            self._draw()
        assert self._journal is not None
        tell(self._output, self._journal, self._folder)
        return ExitCode.SUCCESS if self._journal.broken is None else ExitCode.NOT_CONFORMING

    def _hands(self) -> Hands:
        from hil_tests.soak.hands import BenchHands, SimHands

        uri = DeviceUri.parse(self._under.uri)
        ahead = (
            self._journal.cycles[-1].skipped_s if self._journal is not None and self._journal.cycles else 0.0
        )
        if uri.scheme == IN_MEMORY:
            try:
                return SimHands.of(uri, self._folder, seed=self._seed, skipped_s=ahead)
            except ValueError as error:
                if isinstance(error, BwcError):
                    raise
                raise InvalidUri(
                    str(error), advice="'bwc sim --help' tells what a simulator can be"
                ) from error
        entry = self._under.entry
        if entry is None or not entry.actuators:
            return BenchHands(self._under.uri)
        from hil_tests.actuators.at_device import Actuators

        there = Actuators(entry.serial_number, entry.actuators, attended=bool(self.options["attended"]))
        return BenchHands(self._under.uri, there)

    def _soaking(self, hands: Hands) -> Soaking:
        from bwc_sdk.evidence.believing import whom_to_believe
        from bwc_sdk.identity.lookup import identity_for
        from hil_tests.soak.cycle import Options, Soaking
        from hil_tests.soak.ledger import Ledger

        settings = self._under.settings
        who = identity_of(settings, Role.AUDITOR)
        identity_of(settings, Role.DOCK_OFFLOAD)  # both are there before the night
        destination = None
        if self.options["erase"]:
            if who["identity"] is None:
                raise InvalidValue(
                    "--erase needs an identity that signs receipts, and this host speaks as nobody"
                )
            destination = identity_for(who["identity"], Role.DESTINATION, time.time())
        believed = None
        if not settings.allow_insecure:
            believed = whom_to_believe(identity=settings.identity, lab=settings.lab)
        options = Options(
            folder=self._folder,
            seed=self._seed,
            erase=bool(self.options["erase"]),
            verify_every=int(self.options["verify_every"]),
            faults=bool(self.options["faults"]) and DeviceUri.parse(self._under.uri).scheme == IN_MEMORY,
            identity=who["identity"],
            allow_insecure=who["allow_insecure"],
            destination=destination,
            believed=believed,
        )
        known = self._journal.cycles if self._journal is not None else []
        return Soaking(options, hands, Ledger.of(one.learned for one in known))

    async def _main(self, hands: Hands) -> None:
        from hil_tests.benches.device_lock import DeviceLock

        soaking = self._soaking(hands)
        sight = await soaking.first_sight()
        self._demand_permission(sight.identity, sight.simulator)
        soaking.identity = sight.identity
        lock = (
            DeviceLock.take(sight.identity) if DeviceUri.parse(self._under.uri).scheme != IN_MEMORY else None
        )
        try:
            if self._journal is None:
                began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                self._journal = Journal.begin(
                    self._folder,
                    Head(
                        seed=self._seed,
                        device=self._under.uri,
                        identity=sight.identity,
                        simulator=sight.simulator,
                        docking=hands.docking,
                        began_utc=began,
                        sdk=__version__,
                        secure=sight.secure,
                    ),
                )
            self._output.note(f"seed {self._seed}; {sight.identity}: {hands.docking}")
            await self._cycle(soaking, self._journal)
        finally:
            if lock is not None:
                lock.release()

    def _demand_permission(self, identity: str, simulator: bool) -> None:
        journal, entry = self._journal, self._under.entry
        expected = (
            journal.head.identity if journal is not None else entry.serial_number if entry else identity
        )
        if identity != expected:
            raise WrongDevice(
                f"this is {identity}, and {expected} was to be soaked",
                device=self._under.uri,
                advice="plug in the one that is meant",
            )
        if not simulator and self._under.expendable != identity:
            raise InvalidValue(
                f"{identity} is no simulator, and --expendable does not name it: a soak copies its footage",
                device=self._under.uri,
                advice=f"if it is for tests: --expendable {identity}",
            )

    async def _cycle(self, soaking: Soaking, journal: Journal) -> None:
        while not self._over(journal):
            record = await soaking.cycle(len(journal.cycles) + 1)
            journal.add(record)
            self._progress(record)
            if journal.broken is not None:
                return
            if record.cycle % PLOT_EVERY == 0:
                await soaking.world.workers.run(self._draw)

    def _over(self, journal: Journal) -> bool:
        if self._cycles is not None and len(journal.cycles) >= self._cycles:
            return True
        return self._ends_at is not None and time.time() >= self._ends_at

    def _progress(self, record: CycleRecord) -> None:
        if not self._output.as_json:
            self._output.write(clean(line_of(record)))
            self._output.flush()

    def _draw(self) -> None:
        if self._plot and self._journal is not None and self._journal.cycles:
            from hil_tests.soak.plot import NAME, draw_trend

            try:
                draw_trend(self._journal.head, self._journal.cycles, self._folder / NAME)
            except OSError as error:
                sys.stderr.write(f"note: the picture cannot be written: {error.strerror or error}\n")
