"""The world around the spacecraft, as compiled functions of (tables, time, place).

`tables` is always `EnvironmentTables(epoch, duration_s, EnvironmentModel(...)).packed`: one flat float64
array. Times are int64 nanoseconds since the epoch; vectors are single components in GCRF and SI unless a name
says otherwise; `record` is a float64 array of `layout.RECORD_SIZE` numbers, indexed by `layout.AT_*`;
`rotation` is the tuple of nine that `itrs_from_gcrf_rows` returns.

A tick of the plant is::

    # once:
    orbit.integrate.orbit_start(tables, t_ns, h, position[3], velocity[3], kick[3],
                                drag_m2_kg, pressure_m2_kg, record)
    # each tick, changing its arrays in place:
    orbit.integrate.orbit_step(tables, t_ns_new, h, position[3], velocity[3], kick[3],
                               thrust_x, thrust_y, thrust_z, drag_m2_kg, pressure_m2_kg, record)
    evaluate.evaluate_magnetic_field(tables, record)  # at the new place

`position`, `velocity` and `kick` (the perturbing acceleration at the present time) are the orbit's state.
The record is a function of them and the time but for one thing: its air velocity is that before the step's
last half kick (5e-4 m/s). Who wants the same bits after a restore keeps it with the state.

The parts, each usable alone:

    ephemeris.sun_moon_gcrf(tables, t_ns) -> (sx, sy, sz, mx, my, mz)
    ephemeris.itrs_from_gcrf(tables, t_ns, out_matrix[3, 3])
    ephemeris.itrs_from_gcrf_rows(tables, t_ns) -> nine numbers
    gravity.gravity_acceleration(tables, rotation, x, y, z) -> (ax, ay, az)
    gravity.third_body_acceleration(sx, sy, sz, mx, my, mz, x, y, z) -> (ax, ay, az)
    magnetic.magnetic_field_gcrf_t(tables, t_ns, rotation, x, y, z) -> (bx, by, bz)
    atmosphere.atmospheric_density(tables, rotation, t_ns, sx, sy, sz, x, y, z, altitude_m) -> kg/m3
    sunlight.illumination(x, y, z, sx, sy, sz) -> 0..1, sunlight.solar_pressure(distance_m) -> N/m2
    evaluate.evaluate_environment(tables, t_ns, x, y, z, vx, vy, vz, record)
    evaluate.perturbing_acceleration(tables, record, drag_m2_kg, pressure_m2_kg) -> (ax, ay, az)
    orbit.integrate.orbit_acceleration(tables, t_ns, x, y, z, vx, vy, vz,
                                       drag_m2_kg, pressure_m2_kg, record) -> (ax, ay, az)
"""
