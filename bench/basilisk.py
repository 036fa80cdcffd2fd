"""The same satellite in Basilisk, timed: the yardstick of `bench/loop.py`.

Run as `python -m bench.basilisk CONFIG.json`, in any interpreter that has `bsk` (PyPI) installed;
`bench/loop.py` does this in a process of its own and reads the one JSON document that it prints. The
configuration carries plain numbers (initial state, gravity and magnetic coefficients, Sun and Moon), so
that both simulators fly the same orbit in the same field. Basilisk's own data files are not needed: they
come from the network, and we have none.

What is in it, at 0.1 s steps with RK4, everything compiled C++ that never reaches Python inside the run:
  lean  gravity harmonics, Sun and Moon as third bodies, exponential atmosphere and drag, cannonball
        solar pressure with eclipse, magnetic field (WMM evaluator, IGRF coefficients to degree 12),
        gravity gradient, four wheels, simple navigation, nadir guidance, MRP feedback, wheel mapping;
  full  lean, and what our plant also has where Basilisk offers it: IMU, star tracker, magnetometer, twelve
        coarse Sun sensors, torquers with momentum management, solar panel, power sink and battery.

The Moon moves uniformly and Sun and Earth on Kepler orbits, which costs less than reading an ephemeris: the
simplification is in Basilisk's favour. It has no replicas, voter, packets, link, ground, digest or
recording.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from Basilisk.architecture import messaging
from Basilisk.fswAlgorithms import (
    attTrackingError,
    dipoleMapping,
    hillPoint,
    mrpFeedback,
    mtbMomentumManagementSimple,
    rwMotorTorque,
    tamComm,
    torque2Dipole,
)
from Basilisk.simulation import (
    GravityGradientEffector,
    MtbEffector,
    coarseSunSensor,
    dragDynamicEffector,
    eclipse,
    ephemerisConverter,
    exponentialAtmosphere,
    imuSensor,
    magneticFieldWMM,
    magnetometer,
    planetEphemeris,
    radiationPressure,
    reactionWheelStateEffector,
    simpleBattery,
    simpleNav,
    simplePowerSink,
    simpleSolarPanel,
    spacecraft,
    sphericalHarmonicsGravityModel,
    starTracker,
)
from Basilisk.utilities import SimulationBaseClass, macros, simIncludeGravBody, simIncludeRW

TASK = "loop"


def write_cof(path: Path, year: float, g_nt: list[list[float]], h_nt: list[list[float]]) -> None:
    """Write Gauss coefficients (nT, [n][m], degree 1 to 12) as the WMM.COF file that Basilisk reads."""
    lines = [f"    {year:.1f}            WMM-2025     11/13/2024"]
    for n in range(1, 13):
        for m in range(n + 1):
            lines.append(f"{n:3d}{m:3d}{g_nt[n][m]:10.1f}{h_nt[n][m]:10.1f}{0.0:11.1f}{0.0:11.1f}")
    lines += ["9" * 48, "9" * 48]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


class Loop:
    """A Basilisk simulation of the reference spacecraft, one task at the control rate."""

    def __init__(self, config: dict[str, Any], *, full: bool, folder: Path, initialise: bool = True) -> None:
        """initialise: False leaves that for later, when initial values have been dispersed."""
        self.config = config
        self.full = full
        self.folder = folder
        self.keep: list[Any] = []  # Basilisk holds raw pointers: Python must not collect what it uses
        self.sim = SimulationBaseClass.SimBaseClass()
        process = self.sim.CreateNewProcess("process")
        process.addTask(self.sim.CreateNewTask(TASK, macros.sec2nano(config["step_s"])))
        self.vehicle()
        self.bodies()
        self.surroundings()
        self.wheels()
        self.flight()
        if full:
            self.units()
        if initialise:
            self.sim.InitializeSimulation()

    def add(self, model: Any, tag: str, priority: int) -> Any:
        model.ModelTag = tag
        self.sim.AddModelToTask(TASK, model, priority)
        self.keep.append(model)
        return model

    def vehicle(self) -> None:
        config = self.config
        self.craft = self.add(spacecraft.Spacecraft(), "satellite", 100)
        self.craft.hub.mHub = config["mass_kg"]
        self.craft.hub.r_BcB_B = [[0.0], [0.0], [0.0]]
        self.craft.hub.IHubPntBc_B = np.diag(config["inertia_kg_m2"]).tolist()
        self.craft.hub.r_CN_NInit = config["position_gcrf_m"]
        self.craft.hub.v_CN_NInit = config["velocity_gcrf_m_s"]
        self.craft.hub.sigma_BNInit = [[0.1], [0.2], [-0.3]]
        self.craft.hub.omega_BN_BInit = [[rate] for rate in config["rate_body_rad_s"]]

    def bodies(self) -> None:
        config = self.config
        factory = simIncludeGravBody.gravBodyFactory()
        earth, sun, moon = factory.createEarth(), factory.createSun(), factory.createMoon()
        earth.isCentralBody = True
        harmonics = sphericalHarmonicsGravityModel.SphericalHarmonicsGravityModel()
        harmonics.maxDeg = config["gravity_degree"]
        harmonics.muBody = config["mu_m3_s2"]
        harmonics.radEquator = config["radius_m"]
        size = config["gravity_degree"] + 1
        harmonics.cBar = [config["gravity_c"][n][: n + 1] for n in range(size)]
        harmonics.sBar = [config["gravity_s"][n][: n + 1] for n in range(size)]
        earth.gravityModel = harmonics
        earth.mu = config["mu_m3_s2"]
        self.factory = factory
        factory.addBodiesTo(self.craft)

        # Sun and Earth on Kepler orbits about the Sun; the Moon moves uniformly from its first position.
        orbit = planetEphemeris.ClassicElements()
        orbit.a, orbit.e, orbit.i = config["au_m"], 0.0167, math.radians(23.44)
        orbit.Omega, orbit.omega, orbit.f = 0.0, math.radians(103.0), math.radians(166.0)
        planets = self.add(planetEphemeris.PlanetEphemeris(), "planets", 200)
        planets.setPlanetNames(planetEphemeris.StringVector(["earth"]))
        planets.planetElements = planetEphemeris.classicElementVector([orbit])
        planets.rightAscension = planetEphemeris.DoubleVector([0.0])
        planets.declination = planetEphemeris.DoubleVector([math.pi / 2])
        planets.lst0 = planetEphemeris.DoubleVector([0.0])
        planets.rotRate = planetEphemeris.DoubleVector([7.292115e-5])
        self.earth_message = planets.planetOutMsgs[0]
        earth.planetBodyInMsg.subscribeTo(self.earth_message)

        state = messaging.SpicePlanetStateMsgPayload()
        state.PlanetName = "sun"
        state.J20002Pfix = np.identity(3).tolist()
        self.sun_message = messaging.SpicePlanetStateMsg().write(state)
        sun.planetBodyInMsg.subscribeTo(self.sun_message)
        planets.Reset(0)
        planets.UpdateState(0)
        origin = np.array(self.earth_message.read().PositionVector)
        velocity = np.array(self.earth_message.read().VelocityVector)
        state = messaging.SpicePlanetStateMsgPayload()
        state.PlanetName = "moon"
        state.PositionVector = (origin + config["moon_gcrf_m"]).tolist()
        state.VelocityVector = (velocity + np.array([0.0, 1000.0, 0.0])).tolist()
        state.J20002Pfix = np.identity(3).tolist()
        self.moon_message = messaging.SpicePlanetStateMsg().write(state)
        moon.planetBodyInMsg.subscribeTo(self.moon_message)
        state = messaging.SpicePlanetStateMsgPayload()
        state.PlanetName = "sun"
        state.PositionVector = (-origin).tolist()
        state.J20002Pfix = np.identity(3).tolist()
        self.sun_from_earth_message = messaging.SpicePlanetStateMsg().write(state)
        self.keep += [earth, sun, moon, harmonics, orbit]

    def surroundings(self) -> None:
        config = self.config
        state = self.craft.scStateOutMsg
        air = self.add(exponentialAtmosphere.ExponentialAtmosphere(), "air", 190)
        air.planetRadius, air.scaleHeight = config["radius_m"], 68.7e3
        air.baseDensity = 4.39e-13 * math.exp(550e3 / 68.7e3)
        air.planetPosInMsg.subscribeTo(self.earth_message)
        air.addSpacecraftToModel(state)
        drag = self.add(dragDynamicEffector.DragDynamicEffector(), "drag", 180)
        drag.coreParams.projectedArea = config["area_m2"]
        drag.coreParams.dragCoeff = config["drag_coefficient"]
        drag.coreParams.comOffset = [0.01, 0.0, 0.01]
        drag.atmoDensInMsg.subscribeTo(air.envOutMsgs[0])
        self.craft.addDynamicEffector(drag)

        self.shadow = self.add(eclipse.Eclipse(), "eclipse", 189)
        self.shadow.sunInMsg.subscribeTo(self.sun_message)
        self.shadow.addPlanetToModel(self.earth_message)
        self.shadow.addSpacecraftToModel(state)
        pressure = self.add(radiationPressure.RadiationPressure(), "pressure", 179)
        pressure.setUseCannonballModel()
        pressure.area, pressure.coefficientReflection = config["area_m2"], 1.3
        pressure.sunEphmInMsg.subscribeTo(self.sun_from_earth_message)  # it works about the central body
        pressure.sunEclipseInMsg.subscribeTo(self.shadow.eclipseOutMsgs[0])
        self.craft.addDynamicEffector(pressure)

        gradient = self.add(GravityGradientEffector.GravityGradientEffector(), "gradient", 178)
        gradient.addPlanetName("earth_planet_data")
        self.craft.addDynamicEffector(gradient)

        cof = self.folder / "WMM.COF"
        write_cof(cof, config["magnetic_year"], config["magnetic_g_nt"], config["magnetic_h_nt"])
        self.field = self.add(magneticFieldWMM.MagneticFieldWMM(), "field", 188)
        self.field.configureWMMFile(str(cof))
        self.field.epochDateFractionalYear = config["magnetic_year"]
        self.field.planetPosInMsg.subscribeTo(self.earth_message)
        self.field.addSpacecraftToModel(state)

    def wheels(self) -> None:
        factory = simIncludeRW.rwFactory()
        for axis in self.config["wheel_axes"]:
            factory.create(
                "custom",
                axis,
                Omega=900.0,
                Omega_max=6000.0,
                u_max=0.02,
                Js=1.59155e-3,
                RWModel=messaging.BalancedWheels,
            )
        self.wheel_effector = reactionWheelStateEffector.ReactionWheelStateEffector()
        factory.addToSpacecraft("wheels", self.wheel_effector, self.craft)
        self.add(self.wheel_effector, "wheels", 170)
        self.wheel_config = factory.getConfigMessage()
        self.keep.append(factory)

    def flight(self) -> None:
        config = self.config
        nav = self.add(simpleNav.SimpleNav(), "navigation", 90)
        nav.scStateInMsg.subscribeTo(self.craft.scStateOutMsg)
        vehicle = messaging.VehicleConfigMsgPayload(
            ISCPntB_B=np.diag(config["inertia_kg_m2"]).ravel().tolist()
        )
        self.vehicle_message = messaging.VehicleConfigMsg().write(vehicle)
        guide = self.add(hillPoint.hillPoint(), "nadir", 80)
        guide.transNavInMsg.subscribeTo(nav.transOutMsg)
        ephemeris = self.add(ephemerisConverter.EphemerisConverter(), "ephemeris", 85)
        ephemeris.addSpiceInputMsg(self.earth_message)
        guide.celBodyInMsg.subscribeTo(ephemeris.ephemOutMsgs[0])
        error = self.add(attTrackingError.attTrackingError(), "error", 70)
        error.attNavInMsg.subscribeTo(nav.attOutMsg)
        error.attRefInMsg.subscribeTo(guide.attRefOutMsg)
        control = self.add(mrpFeedback.mrpFeedback(), "control", 60)
        control.K, control.P, control.Ki, control.integralLimit = 0.05, 0.6, -1.0, 0.0
        control.guidInMsg.subscribeTo(error.attGuidOutMsg)
        control.vehConfigInMsg.subscribeTo(self.vehicle_message)
        control.rwParamsInMsg.subscribeTo(self.wheel_config)
        control.rwSpeedsInMsg.subscribeTo(self.wheel_effector.rwSpeedOutMsg)
        mapping = self.add(rwMotorTorque.rwMotorTorque(), "mapping", 50)
        mapping.controlAxes_B = [1, 0, 0, 0, 1, 0, 0, 0, 1]
        mapping.vehControlInMsg.subscribeTo(control.cmdTorqueOutMsg)
        mapping.rwParamsInMsg.subscribeTo(self.wheel_config)
        self.wheel_effector.rwMotorCmdInMsg.subscribeTo(mapping.rwMotorTorqueOutMsg)
        self.nav, self.error = nav, error

    def units(self) -> None:
        """The sensors, torquers and power of the full variant."""
        state = self.craft.scStateOutMsg
        imu = self.add(imuSensor.ImuSensor(), "imu", 95)
        imu.scStateInMsg.subscribeTo(state)
        tracker = self.add(starTracker.StarTracker(), "tracker", 95)
        tracker.scStateInMsg.subscribeTo(state)
        tracker.PMatrix = (np.identity(3) * 1e-5).tolist()
        tracker.setWalkBounds([1e-4, 1e-4, 1e-4])
        tam = self.add(magnetometer.Magnetometer(), "magnetometer", 95)
        tam.stateInMsg.subscribeTo(state)
        tam.magInMsg.subscribeTo(self.field.envOutMsgs[0])
        tam.senNoiseStd = [5e-8, 5e-8, 5e-8]
        for index in range(12):
            sensor = self.add(coarseSunSensor.CoarseSunSensor(), f"sun_sensor_{index}", 95)
            face = [0.0, 0.0, 0.0]
            face[index % 6 // 2] = 1.0 if index % 2 == 0 else -1.0
            sensor.nHat_B = face
            sensor.fov = math.pi / 2
            sensor.senNoiseStd = 0.01
            sensor.sunInMsg.subscribeTo(self.sun_message)
            sensor.stateInMsg.subscribeTo(state)
            sensor.sunEclipseInMsg.subscribeTo(self.shadow.eclipseOutMsgs[0])

        arrays = messaging.MTBArrayConfigMsgPayload()
        arrays.numMTB = 3
        arrays.GtMatrix_B = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        arrays.maxMtbDipoles = [10.0, 10.0, 10.0]
        self.torquer_config = messaging.MTBArrayConfigMsg().write(arrays)
        measured = self.add(tamComm.tamComm(), "field_in_body", 45)
        measured.tamInMsg.subscribeTo(tam.tamDataOutMsg)
        measured.dcm_BS = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        momentum = self.add(mtbMomentumManagementSimple.mtbMomentumManagementSimple(), "momentum", 44)
        momentum.Kp = 0.003
        momentum.rwParamsInMsg.subscribeTo(self.wheel_config)
        momentum.rwSpeedsInMsg.subscribeTo(self.wheel_effector.rwSpeedOutMsg)
        share = self.add(dipoleMapping.dipoleMapping(), "dipoles", 42)
        share.steeringMatrix = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        share.mtbArrayConfigParamsInMsg.subscribeTo(self.torquer_config)
        turn = self.add(torque2Dipole.torque2Dipole(), "dipole_request", 43)
        turn.tauRequestInMsg.subscribeTo(momentum.tauMtbRequestOutMsg)
        turn.tamSensorBodyInMsg.subscribeTo(measured.tamOutMsg)
        share.dipoleRequestBodyInMsg.subscribeTo(turn.dipoleRequestOutMsg)
        torquers = self.add(MtbEffector.MtbEffector(), "torquers", 171)
        torquers.mtbCmdInMsg.subscribeTo(share.dipoleRequestMtbOutMsg)
        torquers.mtbParamsInMsg.subscribeTo(self.torquer_config)
        torquers.magInMsg.subscribeTo(self.field.envOutMsgs[0])
        self.craft.addDynamicEffector(torquers)

        panel = self.add(simpleSolarPanel.SimpleSolarPanel(), "panel", 94)
        panel.setPanelParameters([0.0, 0.0, -1.0], 0.74, 0.2)
        panel.stateInMsg.subscribeTo(state)
        panel.sunInMsg.subscribeTo(self.sun_message)
        panel.sunEclipseInMsg.subscribeTo(self.shadow.eclipseOutMsgs[0])
        sink = self.add(simplePowerSink.SimplePowerSink(), "load", 94)
        sink.nodePowerOut = -80.0
        battery = self.add(simpleBattery.SimpleBattery(), "battery", 93)
        battery.storageCapacity = 100.0 * 3600.0
        battery.storedCharge_Init = 80.0 * 3600.0
        battery.addPowerNodeToModel(panel.nodePowerOutMsg)
        battery.addPowerNodeToModel(sink.nodePowerOutMsg)

    def time(self, steps: int) -> dict[str, float]:
        """Run `steps` steps and return the time a step and where the satellite ended up."""
        step_ns = macros.sec2nano(self.config["step_s"])
        self.sim.ConfigureStopTime(100 * step_ns)
        self.sim.ExecuteSimulation()
        start = time.process_time_ns()
        self.sim.ConfigureStopTime((100 + steps) * step_ns)
        self.sim.ExecuteSimulation()
        elapsed_ns = time.process_time_ns() - start
        origin = np.array(self.earth_message.read().PositionVector)
        offset = np.array(self.craft.scStateOutMsg.read().r_BN_N)
        radius = (
            float(np.linalg.norm(offset - origin))
            if np.linalg.norm(offset) > 1e9
            else float(np.linalg.norm(offset))
        )
        sigma = np.array(self.error.attGuidOutMsg.read().sigma_BR)
        field_nt = float(np.linalg.norm(self.field.envOutMsgs[0].read().magField_N)) * 1e9
        return {
            "us_per_step": elapsed_ns / steps / 1e3,
            "radius_km": radius / 1e3,
            "pointing_error_deg": math.degrees(4.0 * math.atan(float(np.linalg.norm(sigma)))),
            "field_nt": field_nt,
        }


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for variant in config["variants"]:
            report[variant] = Loop(config, full=variant == "full", folder=Path(folder)).time(config["steps"])
    import Basilisk

    report["version"] = Basilisk.__version__
    print(json.dumps(report))


if __name__ == "__main__":
    main()
