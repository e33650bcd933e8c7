"""A lithium-ion cell: voltage, temperature, charging and ageing.

The open-circuit curve is that of an NCR18650BF cell in tenths of its charge (Zephyr's `battery.h`); the other
figures are typical of a single 4,300 mAh cell as body-worn cameras carry it. What matters to a bench holds by
construction: voltage sags under load and in the cold, charging is constant current and then constant voltage,
capacity shrinks and resistance grows with use, heat follows power, and charging stops outside 0 to 45 °C.
"""

import math
import random
from dataclasses import asdict, dataclass, replace
from typing import Final

from bwc_protocol.messages.battery import ChargeState
from firmware_sim.state.kept_values import number, part_of

OPEN_CIRCUIT_V: Final = (2.502, 3.146, 3.372, 3.449, 3.532, 3.602, 3.680, 3.764, 3.842, 3.936, 4.032)
POLARISATION_V: Final = 0.15
"""What charging adds beside the ohmic drop: the curve above was taken while discharging."""
CHARGE_LIMIT_V: Final = 4.2
TAPER_END_C: Final = 0.05
"""Constant-voltage charging ends at C/20."""
CUT_OFF_V: Final = 2.75
"""The camera switches itself off here, under load."""
RESERVE: Final = 0.06
"""Share of the charge below the 0 % that is shown; it feeds the real-time clock of a camera that is off."""
DEEP_DISCHARGE: Final = 0.003
"""Share of the charge at which the protection circuit opens: nothing keeps the clock any more."""
CHARGE_C: Final = (0.0, 45.0)
CHARGE_SLOW_BELOW_C: Final = 10.0
FADE_PER_CYCLE: Final = 0.20 / 400
FADE_PER_YEAR: Final = 0.04
RESISTANCE_GROWTH: Final = 5.0
"""Resistance doubles by the time that a fifth of the capacity is gone."""
COLD_LOSS_PER_K: Final = 0.3 / 50
"""70 % of the capacity is usable at -30 °C, all of it from 20 °C."""
COLD_RESISTANCE_PER_K: Final = 0.02
HEAT_K_PER_W: Final = 8.0
"""Cell over ambient for each watt turned into heat inside the housing, load included."""
THERMAL_TAU_S: Final = 900.0
STEP_S: Final = 30.0
"""Step of integration: charge moves by less than half a percent in it."""
AT_REST_K: Final = 1e-4
"""Change of temperature in a step below which a cell that is full, or empty, has nothing before it but its age."""
STEP_SHARE: Final = 0.005
"""A discharge that is slower takes longer steps: years in a drawer are then some hundred of them."""
YEAR_S: Final = 365.25 * 86_400

LIMITS: Final = {
    "charge": (0.0, 1.0),
    "temperature_c": (-100.0, 300.0),
    "throughput_mah": (0.0, 1e9),
    "age_s": (0.0, 1_000 * YEAR_S),
}
"""What the state of a cell can be; beyond it a kept one is damaged."""


@dataclass(slots=True)
class CellState:
    """What a cell carries from one moment to the next; kept between runs of a simulator."""

    charge: float = 0.9
    """Share of its present capacity."""
    temperature_c: float = 22.0
    throughput_mah: float = 0.0
    """Charge that was ever drawn."""
    age_s: float = 0.0


class Battery:
    """One cell and its charger. Time passes only in `advance`."""

    def __init__(
        self,
        capacity_mah: float = 4_300.0,
        resistance_ohm: float = 0.12,
        charge_ma: float = 1_500.0,
        state: CellState | None = None,
    ) -> None:
        self.capacity_mah = capacity_mah
        self.resistance_ohm = resistance_ohm
        self.charge_ma = charge_ma
        self.state = state if state is not None else CellState()
        self._load_ma = 0.0
        self._current_ma = 0.0
        self._charge_state = ChargeState.DISCHARGING
        self._charging = False
        self._own: tuple[CellState, ChargeState] | None = None
        """What the cell was, and its charger did, when a bench had it act out another charge."""

    @classmethod
    def drawn(cls, rng: random.Random) -> "Battery":
        """A cell as one finds it in a fleet: its make varies by a few percent, its age by two years."""
        state = CellState(
            charge=rng.uniform(0.35, 0.95),
            throughput_mah=4_300.0 * rng.uniform(5, 300),
            age_s=rng.uniform(0.1, 2.0) * YEAR_S,
        )
        return cls(rng.gauss(4_300.0, 40.0), rng.uniform(0.10, 0.14), state=state)

    def advance(
        self, dt_s: float, load_ma: float, ambient_c: float = 22.0, *, charging: bool = False
    ) -> None:
        """Lets `dt_s` pass. While `charging` is true the dock also feeds the load of `load_ma`."""
        self._load_ma = load_ma
        left_s = max(0.0, dt_s)
        while True:
            steps = max(1, math.ceil(left_s / self._longest_step_s(load_ma, charging)))
            before, warm_c = (self._charge_state, self.state.charge), self.state.temperature_c
            self._step(left_s / steps, load_ma, ambient_c, charging)
            left_s -= left_s / steps
            if steps == 1:
                return
            at_rest = before == (self._charge_state, self.state.charge)
            if at_rest and abs(self.state.temperature_c - warm_c) < AT_REST_K:
                self._step(left_s, load_ma, ambient_c, charging)  # it stays so, and only ages
                return

    def _longest_step_s(self, load_ma: float, charging: bool) -> float:
        if charging or load_ma <= 0:
            return STEP_S
        return max(STEP_S, STEP_SHARE * self.capacity_mah * self.health / load_ma * 3600)

    def _step(self, dt_s: float, load_ma: float, ambient_c: float, charging: bool) -> None:
        state, self._charging = self.state, charging
        self._charge_state = self._charger(charging)
        self._current_ma = self._charge_current() if charging else -load_ma
        moved_mah = self._current_ma * dt_s / 3600
        capacity = self.capacity_mah * self.health
        if moved_mah < 0:
            moved_mah = max(moved_mah, -state.charge * capacity)
            state.throughput_mah -= moved_mah
        state.charge = min(1.0, max(0.0, state.charge + moved_mah / capacity))
        heat_w = (self._current_ma / 1000) ** 2 * self.resistance + load_ma / 1000 * self._open_circuit()
        target_c = ambient_c + heat_w * HEAT_K_PER_W
        state.temperature_c = target_c + (state.temperature_c - target_c) * math.exp(-dt_s / THERMAL_TAU_S)
        state.age_s += dt_s
        if state.charge <= 0.0 and not charging:
            self._current_ma = 0.0

    def _charger(self, charging: bool) -> ChargeState:
        if not charging:
            return ChargeState.DISCHARGING
        low_c, high_c = CHARGE_C
        if not low_c <= self.state.temperature_c <= high_c:
            return ChargeState.STOPPED_BY_TEMPERATURE
        # Once full it stays full on the dock: the taper is not begun again for a fraction of a percent.
        if self._charge_state is ChargeState.FULL and self.state.charge > 0.95:
            return ChargeState.FULL
        return ChargeState.CHARGING

    def _charge_current(self) -> float:
        """mA into the cell: constant current, then what the voltage limit leaves."""
        if self._charge_state is not ChargeState.CHARGING:
            return 0.0
        allowed = self.charge_ma / 2 if self.state.temperature_c < CHARGE_SLOW_BELOW_C else self.charge_ma
        headroom_v = CHARGE_LIMIT_V - self._open_circuit() - POLARISATION_V
        current = min(allowed, max(0.0, headroom_v / self.resistance * 1000))
        if current < self.capacity_mah * TAPER_END_C:
            self._charge_state = ChargeState.FULL
            return 0.0
        return current

    def _open_circuit(self) -> float:
        tenths = self.state.charge * 10
        index = min(9, int(tenths))
        low, high = OPEN_CIRCUIT_V[index : index + 2]
        return low + (high - low) * (tenths - index)

    @property
    def health(self) -> float:
        """Capacity against the capacity when new, from 0 to 1."""
        fade = self.cycles * FADE_PER_CYCLE + self.state.age_s / YEAR_S * FADE_PER_YEAR
        return max(0.05, 1.0 - fade)

    @property
    def resistance(self) -> float:
        """Present internal resistance in ohm."""
        cold = 1.0 + COLD_RESISTANCE_PER_K * max(0.0, 25.0 - self.state.temperature_c)
        return self.resistance_ohm * cold * (1.0 + RESISTANCE_GROWTH * (1.0 - self.health))

    @property
    def withheld(self) -> float:
        """Share of the charge that the camera cannot use: the reserve, and what the cold withholds."""
        return RESERVE + COLD_LOSS_PER_K * max(0.0, min(50.0, 20.0 - self.state.temperature_c))

    @property
    def usable(self) -> float:
        """Share of the usable charge that is left, from 0 to 1."""
        withheld = self.withheld
        return max(0.0, (self.state.charge - withheld) / (1.0 - withheld))

    def charge_to(self, percent: float) -> None:
        """Puts the cell where so much is shown, from 0 to 100 %."""
        withheld = self.withheld
        self.state.charge = withheld + (1.0 - withheld) * percent / 100

    @property
    def charge_pct(self) -> int:
        """State of charge as shown, in %; 0 only when nothing usable is left."""
        usable = self.usable
        return max(1, round(usable * 100)) if usable > 0 else 0

    @property
    def voltage_mv(self) -> int:
        """Terminal voltage under the present current."""
        volts = self._open_circuit() + self._current_ma / 1000 * self.resistance
        return round((volts + (POLARISATION_V if self._current_ma > 0 else 0.0)) * 1000)

    @property
    def current_ma(self) -> int:
        """Current, positive while charging."""
        return round(self._current_ma)

    @property
    def temperature_dc(self) -> int:
        """Cell temperature in tenths of a degree Celsius."""
        return round(self.state.temperature_c * 10)

    @property
    def cycles(self) -> int:
        """Equivalent full cycles: charge ever drawn against the capacity when new."""
        return int(self.state.throughput_mah / self.capacity_mah)

    @property
    def health_pct(self) -> int:
        """State of health in %."""
        return round(self.health * 100)

    @property
    def charge_state(self) -> ChargeState:
        """What the charger does."""
        return self._charge_state

    @property
    def time_left_s(self) -> int | None:
        """Time until 0 % at the present load; None while charging or without load."""
        if self._charge_state is not ChargeState.DISCHARGING or self._load_ma <= 0:
            return None
        left_mah = max(0.0, self.state.charge - self.withheld) * self.capacity_mah * self.health
        return int(left_mah / self._load_ma * 3600)

    @property
    def empty(self) -> bool:
        """Whether the camera has to switch itself off."""
        return self._charge_state is ChargeState.DISCHARGING and (
            self.usable <= 0.0 or self.voltage_mv < CUT_OFF_V * 1000
        )

    @property
    def deeply_discharged(self) -> bool:
        """Whether even the real-time clock has lost its supply."""
        return self.state.charge <= DEEP_DISCHARGE

    # A bench

    def act_out(self, charge_pct: int) -> None:
        """Is at this charge, as it is shown, and goes on from there, until `stop_acting`."""
        if self._own is None:
            self._own = replace(self.state), self._charge_state
        self.state.charge = self.withheld + charge_pct / 100 * (1.0 - self.withheld)
        self._look_again()

    def stop_acting(self) -> None:
        """Is what it was before."""
        if self._own is not None:
            (self.state, self._charge_state), self._own = self._own, None
            self._look_again()

    def _look_again(self) -> None:
        """The current is that of the charge, at once."""
        self._step(0.0, self._load_ma, self.state.temperature_c, self._charging)

    # Between runs

    def snapshot(self) -> dict[str, float]:
        """State to be kept between runs: its own, also while it acts out another."""
        return asdict(self.state if self._own is None else self._own[0])

    def restore(self, snapshot: object) -> None:
        """Takes up a state that `snapshot` gave. Raises `StateError` for what no cell could have given."""
        kept = part_of(snapshot, "the battery", LIMITS)
        self._own = None
        self.state = CellState(**{key: number(kept, key, low, high) for key, (low, high) in LIMITS.items()})
