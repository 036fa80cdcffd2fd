"""Layouts of the plant's state, constants and fault table: what the compiled step reads and writes.

State is int64 and float64 fields only, in two halves: *control* is everything that can change what happens
next, *account* is what is only counted. Quantities that follow from the rest at the same instant (Sun,
field, illumination) are kept in the control half, because the next step starts from them; so a copy of the
bytes is a complete snapshot and nothing needs to be computed again after a restore.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.environment.layout import RECORD_SIZE
from sim.spacecraft import TRACKER_MEMORY_TICKS

STATIONS_MAX = 16
QUATERNION_HISTORY = TRACKER_MEMORY_TICKS + 1

# Whole numbers as NumPy has them, so that Numba does not compile a callee anew for each value.
_whole: Any = np.int64
# Where the deviates of each stream lie in the state's `noise`, and how many there are; the rows of
# housekeeping are ten thermistors, bus voltage, battery current and a spare.
NOISE_GYRO, COUNT_GYRO = _whole(0), _whole(12)
NOISE_GYRO_DRIFT, COUNT_GYRO_DRIFT = _whole(12), _whole(12)
NOISE_TRACKER, COUNT_TRACKER = _whole(24), _whole(6)
NOISE_MAGNETOMETER, COUNT_MAGNETOMETER = _whole(30), _whole(9)
NOISE_SUN_SENSOR, COUNT_SUN_SENSOR = _whole(39), _whole(12)
NOISE_GPS, COUNT_GPS = _whole(51), _whole(12)
NOISE_TACHOMETER, COUNT_TACHOMETER = _whole(63), _whole(4)
NOISE_HOUSEKEEPING, COUNT_HOUSEKEEPING = _whole(67), _whole(13)
NOISE_OBJECT, COUNT_OBJECT = _whole(80), _whole(5)
NOISE_COUNT = 85

_F, _I = "<f8", "<i8"
Field = tuple[Any, ...]

CONTROL_FIELDS: list[Field] = [
    # Time
    ("tick", _I),
    ("time_ns", _I),
    ("clock_offset_ns", _I),
    # Motion
    ("position_gcrf_m", _F, (3,)),
    ("velocity_gcrf_m_s", _F, (3,)),
    ("quaternion_body_from_gcrf", _F, (4,)),
    ("rate_body_rad_s", _F, (3,)),
    ("rate_mean_body_rad_s", _F, (3,)),
    ("wheel_momentum_n_m_s", _F, (4,)),
    ("quaternion_history", _F, (QUATERNION_HISTORY, 4)),
    # Actuators
    ("torquer_dipole_body_a_m2", _F, (3,)),
    ("wheel_torque_n_m", _F, (4,)),
    ("propellant_kg", _F),
    ("latch_valve_open", _I),
    ("array_angle_rad", _F),
    ("wing_deployed", _I, (2,)),
    ("wing_fire_ns", _I, (2,)),
    ("receiver_lock", _I),
    # Power
    ("switches", _I),
    ("heaters", _I),
    ("transmitter_on", _I),
    ("antenna", _I),
    ("undervoltage", _I),
    ("undervoltage_ns", _I),
    ("reset_cause", _I),
    ("tracker_on_ns", _I),
    ("gps_on_ns", _I),
    ("battery_charge", _F),
    ("battery_current_a", _F),
    ("bus_voltage_v", _F),
    ("bus_power_w", _F),
    ("array_power_w", _F),
    ("array_used_w", _F),
    ("array_current_a", _F, (2,)),
    ("load_current_a", _F, (10,)),
    ("wheel_power_w", _F),
    ("wheel_current_a", _F, (4,)),
    # Thermal
    ("temperature_k", _F, (10,)),
    # Environment at the state's time
    ("orbit_kick_m_s2", _F, (3,)),
    ("environment", _F, (RECORD_SIZE,)),
    ("sun_body", _F, (3,)),
    ("nadir_body", _F, (3,)),
    ("magnetic_field_body_t", _F, (3,)),
    ("sunlight_w_m2", _F),
    # The host opens the link by it
    ("contact_mask", _I),
    # Sensors
    ("noise", _F, (NOISE_COUNT,)),
    ("gyro_drift_rad_s", _F, (4, 3)),
    ("gyro_held_rad_s", _F, (4, 3)),
    # What active faults do now
    ("fault_gyro_stuck", _I, (4,)),
    ("fault_gyro_bias_rad_s", _F, (4, 3)),
    ("fault_gyro_noise", _F, (4,)),
    ("fault_tracker_blind", _I, (2,)),
    ("fault_magnetometer_bias_t", _F, (3, 3)),
    ("fault_gps_outage", _I, (2,)),
    ("fault_wheel_seized", _I, (4,)),
    ("fault_wheel_friction", _F, (4,)),
    ("fault_torquer_gain", _F, (3,)),
    ("fault_drive_stuck", _I),
    ("fault_array_share", _F, (2,)),
    ("fault_heater_dead", _I),
    # An object close by: the row of the fault table that brought it (from 1), and its motion
    ("object_row", _I),
    ("object_position_gcrf_m", _F, (3,)),
    ("object_velocity_gcrf_m_s", _F, (3,)),
]

ACCOUNT_FIELDS: list[Field] = [
    ("elevation_sin", _F, (STATIONS_MAX,)),
    ("commands_not_finite", _I),
    ("commands_out_of_range", _I),
    ("contact_ns", _I),
    ("eclipse_ns", _I),
    ("array_energy_j", _F),
    ("load_energy_j", _F),
    ("thruster_on_s", _F, (4,)),
    ("force_body_n", _F, (3,)),
    ("torque_gravity_gradient_n_m", _F, (3,)),
    ("torque_surface_n_m", _F, (3,)),
    ("torque_magnetic_n_m", _F, (3,)),
    ("torque_thruster_n_m", _F, (3,)),
    ("albedo_sun_sensor", _F, (6,)),
    ("object_range_min_m", _F),
]

STATE_DTYPE = np.dtype(CONTROL_FIELDS + ACCOUNT_FIELDS)
CONTROL_OCTETS = np.dtype(CONTROL_FIELDS).itemsize

FAULTS_MAX = 4096
FAULT_DTYPE = np.dtype(
    [("kind", _I), ("target", _I), ("start_ns", _I), ("end_ns", _I), ("parameters", _F, (4,))]
)

MODEL_DTYPE = np.dtype(
    [
        ("tick_ns", _I),
        ("dt_s", _F),
        ("slow_ticks", _I),
        # Switches of the environment's influence
        ("use_drag", _I),
        ("use_solar_pressure", _I),
        ("use_gravity_gradient", _I),
        ("use_residual_dipole", _I),
        # Body
        ("dry_mass_kg", _F),
        ("inertia_kg_m2", _F, (3, 3)),
        ("inertia_inverse", _F, (3, 3)),
        ("centre_of_mass_m", _F, (3,)),
        ("half_size_m", _F, (3,)),
        ("face_area_m2", _F, (3,)),
        ("drag_coefficient", _F),
        ("body_specular", _F),
        ("body_diffuse", _F),
        ("wing_specular", _F),
        ("wing_diffuse", _F),
        # Wheels
        ("wheel_axis", _F, (4, 3)),
        ("wheel_inertia", _F),
        ("wheel_torque_max", _F),
        ("wheel_speed_max", _F),
        ("wheel_coulomb", _F),
        ("wheel_viscous", _F),
        ("wheel_motor_n_m_a", _F),
        ("wheel_copper", _F),
        ("wheel_drive_efficiency", _F),
        # Torquers
        ("torquer_max", _F),
        ("torquer_keep", _F),
        ("torquer_mean", _F),
        ("torquer_power_w", _F),
        ("magnetometer_coupling", _F, (3, 3, 3)),
        ("residual_dipole", _F, (3,)),
        # Thrusters
        ("thruster_position_m", _F, (4, 3)),
        ("thruster_force_n", _F, (4, 3)),
        ("thruster_flow_kg_s", _F),
        ("thruster_on_min_s", _F),
        ("tank_pressure_pa", _F),
        ("tank_gas_m3", _F),
        ("propellant_full_kg", _F),
        ("propellant_density", _F),
        # Wings
        ("wing_power_w", _F),
        ("wing_temperature_coefficient", _F),
        ("wing_area_m2", _F),
        ("wing_centre_m", _F),
        ("wing_stowed_fraction", _F),
        ("drive_rate_max", _F),
        ("array_efficiency", _F),
        # Battery
        ("battery_capacity_as", _F),
        ("battery_resistance", _F),
        ("battery_charge_efficiency", _F),
        ("battery_charge_a_max", _F),
        ("battery_taper_start", _F),
        ("undervoltage_cut_v", _F),
        ("undervoltage_recover_v", _F),
        ("undervoltage_delay_ns", _I),
        # Loads
        ("switch_load_w", _F, (8,)),
        ("base_load_w", _F),
        ("transmitter_load_w", _F),
        ("transmitter_radiated_w", _F),
        ("heater_w", _F, (4,)),
        # Thermal
        ("thermal_step_over_capacity", _F, (10,)),
        ("thermal_conductance", _F, (10,)),
        ("heat_pipe_w_k", _F, (2,)),
        ("heat_pipe_k", _F, (2,)),
        ("skin_absorptance", _F),
        ("skin_emittance", _F),
        ("radiator_area_m2", _F),
        ("radiator_absorptance", _F),
        ("radiator_emittance", _F),
        ("wing_absorptance", _F),
        ("wing_emittance_front", _F),
        ("wing_emittance_back", _F),
        # Sensors
        ("gyro_sigma", _F),
        ("gyro_drift_keep", _F),
        ("gyro_drift_sigma", _F),
        ("gyro_matrix", _F, (4, 3, 3)),
        ("gyro_bias", _F, (4, 3)),
        ("gyro_quantum", _F),
        ("gyro_range", _F),
        ("tracker_from_body", _F, (2, 4)),
        ("tracker_boresight", _F, (2, 3)),
        ("tracker_noise", _F, (3,)),
        ("tracker_rate_max_squared", _F),
        ("tracker_sun_cos", _F),
        ("tracker_earth_exclusion", _F),
        ("tracker_period_ticks", _I),
        ("tracker_latency_ticks", _I),
        ("tracker_warm_up_ns", _I),
        ("tracker_quantum", _F),
        ("magnetometer_noise", _F),
        ("magnetometer_bias", _F, (3, 3)),
        ("magnetometer_quantum", _F),
        ("magnetometer_range", _F),
        ("sun_sensor_noise", _F),
        ("sun_sensor_quantum", _F),
        ("gps_position_noise", _F),
        ("gps_velocity_noise", _F),
        ("gps_position_quantum", _F),
        ("gps_velocity_quantum", _F),
        ("gps_period_ticks", _I),
        ("gps_warm_up_ns", _I),
        ("tachometer_noise", _F),
        ("thermistor_noise", _F),
        ("current_noise", _F),
        ("voltage_noise", _F),
        ("tachometer_quantum", _F),
        ("thermistor_quantum", _F),
        ("current_quantum", _F),
        ("voltage_quantum", _F),
        ("tank_pressure_quantum", _F),
        ("gauge_quantum", _F),
        ("drive_angle_quantum", _F),
        ("clock_drift", _F),
        ("object_range_max_m", _F),
        ("object_range_noise_m", _F),
        ("object_rate_noise_m_s", _F),
        ("object_direction_noise", _F),
        # Deployment
        ("separation_ns", _I),
        ("wing_release_ns", _I),
        # Noise streams
        ("key_gyro", _I),
        ("key_gyro_drift", _I),
        ("key_tracker", _I),
        ("key_magnetometer", _I),
        ("key_sun_sensor", _I),
        ("key_gps", _I),
        ("key_tachometer", _I),
        ("key_housekeeping", _I),
        ("key_object", _I),
        # Stations
        ("station_count", _I),
        ("station_itrs_m", _F, (STATIONS_MAX, 3)),
        ("station_up", _F, (STATIONS_MAX, 3)),
        ("station_mask_sin", _F, (STATIONS_MAX,)),
        # Faults
        ("fault_count", _I),
    ]
)
