"""Where things lie in the two float64 arrays that the compiled environment works on.

`EnvironmentTables.packed` begins with a header (the `HEADER_*` indices, whole numbers stored as floats)
that says where each table begins; `evaluate_environment` fills a record of `RECORD_SIZE` numbers (the
`AT_*` indices) with the surroundings of one place at one time. Both are flat arrays, so that a C function
pointer can carry them as plain addresses.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Vector: TypeAlias = tuple[float, float, float]
Six: TypeAlias = tuple[float, float, float, float, float, float]
Nine: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]

# Header of the packed tables.
HEADER_EPHEMERIS: Final = 0  # offset of the ephemeris and orientation rows
HEADER_EPHEMERIS_START_NS: Final = 1  # simulation time of the first row
HEADER_EPHEMERIS_ROWS: Final = 2
HEADER_GRAVITY: Final = 3  # offset of the gravity coefficients
HEADER_GRAVITY_DEGREE: Final = 4
HEADER_GRAVITY_ORDER: Final = 5
HEADER_MAGNETIC: Final = 6  # offset of the geomagnetic coefficients
HEADER_MAGNETIC_DEGREE: Final = 7
HEADER_ATMOSPHERE: Final = 8  # offset of the atmosphere's table
HEADER_ATMOSPHERE_MODEL: Final = 9  # one of ATMOSPHERE_*
HEADER_DRAG: Final = 10  # 1 if drag acts on the orbit
HEADER_SOLAR_PRESSURE: Final = 11  # 1 if solar pressure acts
HEADER_THIRD_BODIES: Final = 12  # 1 if Sun and Moon pull
HEADER_MAGNETIC_DAYS: Final = 13  # one block of geomagnetic coefficients a day
HEADER_SIZE: Final = 32

ATMOSPHERE_NONE: Final = 0
ATMOSPHERE_HARRIS_PRIESTER: Final = 1
ATMOSPHERE_EXPONENTIAL: Final = 2
ATMOSPHERE_GRID: Final = 3

# One row of the ephemeris table is an hour: four polynomial coefficients of each of these quantities.
EPHEMERIS_STEP_NS: Final = 3_600_000_000_000
EPHEMERIS_SUN: Final = 0  # apparent Sun, GCRF, m
EPHEMERIS_MOON: Final = 3  # geometric Moon, GCRF, m
EPHEMERIS_POLE: Final = 6  # matrix true-of-date from GCRF, row by row
EPHEMERIS_SIDEREAL_TIME: Final = 15  # Greenwich apparent sidereal time, rad
EPHEMERIS_WIDTH: Final = 16
EPHEMERIS_ROW: Final = 4 * EPHEMERIS_WIDTH

# The record that evaluate_environment fills.
AT_SUN: Final = 0  # vector from the Earth's centre to the apparent Sun, GCRF, m (3)
AT_MOON: Final = 3  # vector from the Earth's centre to the Moon, GCRF, m (3)
AT_ROTATION: Final = 6  # matrix ITRS from GCRF, row by row (9)
AT_POSITION_ITRS: Final = 15  # position of the spacecraft, ITRS, m (3)
AT_SUN_DIRECTION: Final = 18  # unit vector from the spacecraft to the Sun, GCRF (3)
AT_SUN_DISTANCE: Final = 21  # from the spacecraft to the Sun, m
AT_ILLUMINATION: Final = 22  # share of the Sun's disc in sight, 0 to 1
AT_SOLAR_PRESSURE: Final = 23  # N/m2 on an absorbing surface at normal incidence, illumination included
AT_DENSITY: Final = 24  # of the atmosphere, kg/m3
AT_AIR_VELOCITY: Final = 25  # velocity of the spacecraft relative to the rotating atmosphere, GCRF, m/s (3)
AT_MAGNETIC_FIELD: Final = 28  # GCRF, T (3)
AT_ALTITUDE: Final = 31  # above the WGS84 ellipsoid, m (good to 20 m)
AT_GRAVITY_PERTURBATION: Final = 32  # harmonics, Sun and Moon, without the point mass, GCRF, m/s2 (3)
AT_EARTH_POLE: Final = 35  # unit vector along the Earth's rotation axis, GCRF (3)
AT_MAGNETIC_TABLE: Final = 38  # offset of the day's geomagnetic coefficients
RECORD_SIZE: Final = 40
