"""Electrical power: wings, battery, switched loads, and the hardware that cuts off an empty battery.

The bus is the battery's: its voltage is the open-circuit voltage of the charge plus the current times the
resistance. What the wings make first serves the loads, then the battery up to its charge limit, and the
rest is shunted. Wing currents are measured before the shunt, as string currents are.
"""

from __future__ import annotations

import math

from sim.compiled import Record, compiled, compiled_inline
from sim.environment.constants import SOLAR_IRRADIANCE_W_M2

# What the under-voltage cut-off leaves closed: the sensors. The base load has no switch.
_UNDERVOLTAGE_KEEPS = 0b0000_0010
_REFERENCE_K = 300.0


@compiled_inline
def open_circuit_voltage(charge: float) -> float:
    """Voltage of seven lithium-ion cells at a state of charge from 0 to 1: 21.5 V empty, 28.7 V full."""
    knee = max(0.0, 1.0 - 10.0 * charge)
    return 24.5 + charge * (5.5 - 1.3 * charge) - 3.0 * knee * knee


@compiled
def command_switches(state: Record, model: Record, command: Record) -> None:
    """Switches, heaters and transmitters follow their commands as far as the hardware lets them."""
    if state.bus_voltage_v <= 0.0:
        state.switches = 0
        state.heaters = 0
        state.transmitter_on = 0
    else:
        state.switches = command.switch_command & 0xFF
        state.heaters = command.heater_command & 0x0F & ~state.fault_heater_dead
        state.transmitter_on = command.transmitter_on & 0x03
        state.antenna = command.antenna & 0x01
        if state.undervoltage != 0:
            state.switches &= _UNDERVOLTAGE_KEEPS
            state.transmitter_on = 0
    state.tracker_on_ns = state.tracker_on_ns + model.tick_ns if (state.switches >> 2) & 1 != 0 else 0
    state.gps_on_ns = state.gps_on_ns + model.tick_ns if (state.switches >> 3) & 1 != 0 else 0


@compiled
def loads_w(state: Record, model: Record) -> float:
    """Power of everything that is on, W."""
    total = model.base_load_w + state.wheel_power_w
    for i in range(8):
        if (state.switches >> i) & 1 != 0:
            total += model.switch_load_w[i]
    if state.transmitter_on != 0:
        total += model.transmitter_load_w
    for i in range(4):
        if (state.heaters >> i) & 1 != 0:
            total += model.heater_w[i]
    for i in range(3):
        share = state.torquer_dipole_body_a_m2[i] / model.torquer_max
        total += model.torquer_power_w * share * share
    return float(total)


@compiled
def arrays_w(state: Record, model: Record) -> tuple[float, float]:
    """Power of the wings +y and −y at the bus, W."""
    sun = state.sun_body
    scale = state.sunlight_w_m2 * (1.0 / SOLAR_IRRADIANCE_W_M2) * model.wing_power_w * model.array_efficiency
    driven = max(0.0, -math.sin(state.array_angle_rad) * sun[0] - math.cos(state.array_angle_rad) * sun[2])
    stowed = model.wing_stowed_fraction * max(0.0, -sun[2])
    plus = minus = 0.0
    for wing in range(2):
        cosine = driven if state.wing_deployed[wing] != 0 else stowed
        heat = 1.0 - model.wing_temperature_coefficient * (state.temperature_k[7 + wing] - _REFERENCE_K)
        power = scale * cosine * heat * state.fault_array_share[wing]
        if wing == 0:
            plus = power
        else:
            minus = power
    return plus, minus


@compiled_inline
def _current_for(power: float, open_v: float, resistance: float) -> float:
    """Battery current (A, positive when charging) at which the bus takes a power from or gives it to the
    battery.
    """
    square = open_v * open_v + 4.0 * resistance * power
    if square <= 0.0:
        # More than the battery can give: the voltage collapses to half.
        return -0.5 * open_v / resistance
    # The root that goes to power / open_v without resistance, written without cancellation.
    return 2.0 * power / (open_v + math.sqrt(square))


@compiled
def step_power(state: Record, model: Record) -> None:
    """Balance wings, loads and battery over a tick."""
    plus, minus = arrays_w(state, model)
    made = plus + minus
    # A bus that has died closes again when the wings alone carry the base load.
    used = loads_w(state, model)
    if state.bus_voltage_v <= 0.0 and made < 1.2 * model.base_load_w:
        used = 0.0
    open_v = open_circuit_voltage(state.battery_charge)
    wanted = made - used
    room = (1.0 - state.battery_charge) / (1.0 - model.battery_taper_start)
    limit = model.battery_charge_a_max * min(1.0, max(0.0, room))
    current = min(limit, _current_for(wanted, open_v, model.battery_resistance))
    voltage = open_v + current * model.battery_resistance
    moved = current * model.dt_s
    if current > 0.0:
        moved *= model.battery_charge_efficiency
    charge = state.battery_charge + moved / model.battery_capacity_as
    if (charge <= 0.0 and current < 0.0) or (state.bus_voltage_v <= 0.0 and used == 0.0):
        if state.bus_voltage_v > 0.0:
            state.reset_cause = 3
        charge = max(0.0, charge)
        voltage = 0.0
        used = 0.0
    state.battery_charge = min(1.0, max(0.0, charge))
    state.battery_current_a = current
    state.bus_voltage_v = voltage
    state.bus_power_w = used
    state.array_power_w = made
    state.array_used_w = used + current * voltage
    state.array_energy_j += made * model.dt_s
    state.load_energy_j += used * model.dt_s
    _measure_currents(state, model, plus, minus)
    _watch_undervoltage(state, model)


@compiled
def _measure_currents(state: Record, model: Record, plus: float, minus: float) -> None:
    """Currents of the wings and of each load at the bus voltage."""
    inverse = 1.0 / state.bus_voltage_v if state.bus_voltage_v > 0.0 else 0.0
    state.array_current_a[0] = plus * inverse
    state.array_current_a[1] = minus * inverse
    currents = state.load_current_a
    for i in range(8):
        currents[i] = model.switch_load_w[i] * inverse if (state.switches >> i) & 1 != 0 else 0.0
    currents[4] += state.wheel_power_w * inverse
    currents[8] = model.base_load_w * inverse
    currents[9] = model.transmitter_load_w * inverse if state.transmitter_on != 0 else 0.0


@compiled
def _watch_undervoltage(state: Record, model: Record) -> None:
    """The hardware cut-off: latches after its delay, lets go with hysteresis on a rested or charged
    battery.
    """
    if state.undervoltage != 0:
        if state.bus_voltage_v >= model.undervoltage_recover_v:
            state.undervoltage = 0
            state.undervoltage_ns = 0
    elif state.bus_voltage_v < model.undervoltage_cut_v:
        state.undervoltage_ns += model.tick_ns
        if state.undervoltage_ns >= model.undervoltage_delay_ns:
            state.undervoltage = 1
    else:
        state.undervoltage_ns = 0
