"""Make `orbit.json`: what satkit and brahe say of orbits, gravity, air and eclipses.

Not part of the tests, which only read the result. In a virtual environment of its own:

    pip install satkit==0.24.1 satkit-data==0.9.0 brahe==1.8.0 skyfield-data==7.0.0
    python make_orbit_vectors.py > orbit.json

satkit gets its JPL ephemeris (DE440) and EGM96 from satkit-data, the Earth's orientation from
finals2000A.all of skyfield-data. It reads them once a process, so that a child process makes the runs with
polar motion set to zero, as safehold leaves it out.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

GM = 3.986004415e14
EPOCH = (2024, 6, 21, 0, 0, 0)
TIMES_S = list(range(0, 86401, 7200))


def circular(radius_m: float, inclination_deg: float) -> list[float]:
    speed = np.sqrt(GM / radius_m)
    i = np.radians(inclination_deg)
    return [0.0, radius_m, 0.0, float(-speed * np.cos(i)), 0.0, float(speed * np.sin(i))]


def elliptic(perigee_m: float, apogee_m: float, inclination_deg: float) -> list[float]:
    speed = np.sqrt(2.0 * GM * apogee_m / (perigee_m * (perigee_m + apogee_m)))
    i = np.radians(inclination_deg)
    return [perigee_m, 0.0, 0.0, 0.0, float(speed * np.cos(i)), float(speed * np.sin(i))]


ORBITS = {
    "reference": circular(6928137.0, 97.6),
    "elliptic": elliptic(6778137.0, 7878137.0, 51.6),
}
CASES = {
    "gravity_8": {"degree": 8, "third_bodies": False, "pressure_m2_kg": 0.0},
    "gravity_8_sun_moon": {"degree": 8, "third_bodies": True, "pressure_m2_kg": 0.0},
    "gravity_20_sun_moon": {"degree": 20, "third_bodies": True, "pressure_m2_kg": 0.0},
    "gravity_8_sun_moon_pressure": {"degree": 8, "third_bodies": True, "pressure_m2_kg": 0.02},
}


def fly(state: list[float], degree: int, third_bodies: bool, pressure_m2_kg: float) -> Any:
    import satkit as sk

    settings = sk.propsettings(
        abs_error=1e-10,
        rel_error=1e-13,
        gravity_degree=degree,
        gravity_order=degree,
        gravity_model=sk.gravmodel.egm96,
        use_spaceweather=False,
        use_sun_gravity=third_bodies,
        use_moon_gravity=third_bodies,
        tide_model=sk.tidemodel.none,
        use_relativistic_correction=False,
    )
    begin = sk.time(*EPOCH)
    spacecraft = sk.satproperties(craoverm=pressure_m2_kg, cdaoverm=0.0)
    flown = sk.propagate(
        np.array(state),
        begin,
        end=begin + sk.duration(days=1),
        propsettings=settings,
        satproperties=spacecraft,
    )
    return [flown.interp(begin + sk.duration(seconds=float(t))).tolist() for t in TIMES_S]


def orbits() -> dict[str, Any]:
    return {
        f"{orbit}/{case}": {"orbit": orbit, **keys, "states": fly(state, **keys)}
        for orbit, state in ORBITS.items()
        for case, keys in CASES.items()
    }


def gravity() -> list[dict[str, Any]]:
    import satkit as sk

    generator = np.random.default_rng(1)
    places = generator.normal(size=(12, 3))
    places *= (generator.uniform(6.6e6, 8e6, size=12) / np.linalg.norm(places, axis=1))[:, None]
    places[0] = [3.0, 4.0, 6.9e6]  # almost over the pole
    places[1] = [6.9e6, 0.0, 0.0]
    return [
        {
            "position_itrs_m": place.tolist(),
            "acceleration_m_s2": sk.gravity(place, model=sk.gravmodel.egm96, degree=20, order=20).tolist(),
        }
        for place in places
    ]


def harris_priester() -> list[dict[str, Any]]:
    import brahe as bh

    generator = np.random.default_rng(2)
    rows = []
    for _ in range(40):
        place = generator.normal(size=3)
        place *= generator.uniform(6378e3 + 130e3, 6378e3 + 950e3) / np.linalg.norm(place)
        sun = generator.normal(size=3) * np.array([1.0, 1.0, 0.3])
        sun *= 1.5e11 / np.linalg.norm(sun)
        rows.append(
            {
                "position_m": place.tolist(),
                "sun_m": sun.tolist(),
                "density_kg_m3": bh.density_harris_priester(place, sun),
            }
        )
    return rows


def eclipses() -> dict[str, Any]:
    """Times at which brahe's conical shadow begins and ends on a circular orbit, by bisection."""
    import brahe as bh

    radius = 6928137.0
    rate = np.sqrt(GM / radius**3)
    sun = np.array([1.2e11, 0.8e11, 0.35e11])
    tilt = np.radians(97.6)

    def share(t: float) -> float:
        a = rate * t
        place = radius * np.array([np.cos(a), np.sin(a) * np.cos(tilt), np.sin(a) * np.sin(tilt)])
        return float(bh.eclipse_conical(place, sun))

    def edge(low: float, high: float, level: float) -> float:
        below = share(low) < level
        while high - low > 1e-7:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if (share(middle) < level) == below else (low, middle)
        return 0.5 * (low + high)

    period = 2.0 * np.pi / rate
    dark = [t for t in np.arange(0.0, period, 5.0) if share(t) == 0.0]
    middle = float(np.mean(dark))
    lit = 1.0 - 1e-9
    return {
        "radius_m": radius,
        "rate_rad_s": rate,
        "inclination_rad": tilt,
        "sun_m": sun.tolist(),
        "earth_radius_m": bh.R_EARTH,
        "penumbra_s": [edge(middle - 1500.0, middle, lit), edge(middle, middle + 1500.0, lit)],
        "umbra_s": [edge(middle - 1500.0, middle, 1e-9), edge(middle, middle + 1500.0, 1e-9)],
        "half_s": [edge(middle - 1500.0, middle, 0.5), edge(middle, middle + 1500.0, 0.5)],
    }


def without_polar_motion(text: str) -> str:
    """finals2000A.all with the columns of the pole and of the celestial pole offsets set to zero."""
    columns = ((19, 27), (38, 46), (98, 106), (117, 125), (135, 144), (145, 154), (166, 175), (176, 185))
    lines = []
    for line in text.splitlines():
        for first, last in columns:
            if line[first - 1 : last].strip():
                line = line[: first - 1] + "0.000".rjust(last - first + 1) + line[last:]
        lines.append(line)
    return "\n".join(lines) + "\n"


def folder(package: str) -> Path:
    specification = find_spec(package)
    assert specification is not None
    assert specification.origin is not None
    return Path(specification.origin).parent / "data"


def child(zero_pole: bool) -> Any:
    with tempfile.TemporaryDirectory() as name:
        for file in folder("satkit_data").iterdir():
            (Path(name) / file.name).symlink_to(file)
        finals = (folder("skyfield_data") / "finals2000A.all").read_text()
        (Path(name) / "finals2000A.all").write_text(without_polar_motion(finals) if zero_pole else finals)
        environment = os.environ | {
            "SATKIT_DATA": name,
            "SATKIT_JPLEPHEM_FILE": str(Path(name) / "linux_p1550p2650.440"),
            "SATKIT_OFFLINE": "1",
        }
        output = subprocess.run(
            [sys.executable, __file__, "--orbits"],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    return json.loads(output.stdout)


if __name__ == "__main__":
    if sys.argv[1:] == ["--orbits"]:
        json.dump({"orbits": orbits(), "gravity": gravity()}, sys.stdout)
    else:
        zero = child(zero_pole=True)
        real = child(zero_pole=False)
        document = {
            "made_with": "satkit 0.24.1 (DE440, EGM96), brahe 1.8.0; see make_orbit_vectors.py",
            "epoch": "2024-06-21T00:00:00Z",
            "times_s": TIMES_S,
            "initial": ORBITS,
            "orbits": zero["orbits"],
            "orbits_with_polar_motion": {"reference/gravity_8": real["orbits"]["reference/gravity_8"]},
            "gravity": zero["gravity"],
            "harris_priester": harris_priester(),
            "eclipse": eclipses(),
        }
        json.dump(document, sys.stdout, indent=1)
