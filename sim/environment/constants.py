"""Physical constants of the environment, SI, each with its source."""

from typing import Final

EARTH_GM: Final = 3.986004415e14  # m3/s2, EGM96
EARTH_GRAVITY_RADIUS_M: Final = 6378136.3  # reference radius of EGM96
EARTH_RADIUS_M: Final = 6378137.0  # WGS84 equatorial; the sphere of eclipses and altitudes
EARTH_FLATTENING: Final = 1.0 / 298.257223563  # WGS84
EARTH_ROTATION_RAD_S: Final = 7.292115146706979e-5  # of the rotation angle, IERS Conventions (2010) 5.15
MAGNETIC_RADIUS_M: Final = 6371200.0  # reference radius of the IGRF
SUN_GM: Final = 1.32712440041279419e20  # m3/s2, DE430/DE440
MOON_GM: Final = 4.902800118e12  # m3/s2, DE430/DE440
SUN_RADIUS_M: Final = 6.957e8  # IAU 2015 resolution B3, nominal
ASTRONOMICAL_UNIT_M: Final = 149597870700.0
SPEED_OF_LIGHT_M_S: Final = 299792458.0
SOLAR_IRRADIANCE_W_M2: Final = 1361.0  # at 1 au, IAU 2015 resolution B3, nominal
SOLAR_PRESSURE_N_M2: Final = SOLAR_IRRADIANCE_W_M2 / SPEED_OF_LIGHT_M_S  # at 1 au
