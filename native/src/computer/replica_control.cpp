// A cycle's control: places to image, the autonomy, file transfer, and the gate that no command passes unfit.
#include "safehold/computer/cycle.hpp"

namespace safehold::computer {
namespace {

struct Gate {
    std::uint32_t stopped = 0;

    void limit(float& value, float low, float high) {
        if (value >= low && value <= high) return;
        ++stopped;
        value = value > high ? high : (value < low ? low : 0.0F);  // NaN compares false twice
    }
};

}  // namespace

void run_imaging(Cycle& cycle) {
    ControlState& control = cycle.state.control;
    ImagingContext context{control.imaging,
                           control.autonomy,
                           control.parameters,
                           cycle.input.sensor,
                           cycle.mode_request,
                           cycle.output.events,
                           cycle.control_dirty,
                           false,
                           0,
                           0};
    imaging_step(context, static_cast<std::uint32_t>(cycle.input.tick_ns / 1'000'000));
    if (!context.expose) return;
    const auto kind = static_cast<std::uint8_t>(cdh::FileKind::science);
    if (cycle.output.files.expose(context.file, kind, context.exposure_ms))
        cdh::note_asked(cycle.files, cdh::FileAsked::expose);
}

void run_files(Cycle& cycle) {
    cdh::files_step(cycle.files, cycle.input.boot, cycle.input.readback,
                    cycle.output.actuator.transmitter_on != 0, cycle.input.tick_ns);
}

void run_control(Cycle& cycle) {
    ControlState& control = cycle.state.control;
    const std::uint32_t mode_before = control.autonomy.modes.mode;
    const Deployment deployment_before = control.autonomy.deployment;
    autonomy_step(control.autonomy, control.parameters, cycle.input.sensor, cycle.mode_request,
                  cycle.input.autonomy != 0, cycle.output.actuator, cycle.state.account.telemetry,
                  cycle.output.events);
    if (cycle.pending.waiting != 0) {
        cdh::CommandContext context = command_context(cycle);
        cdh::finish_mode_request(context, cycle.output.actuator.mode);
    }
    const Deployment& deployment = control.autonomy.deployment;
    cycle.control_dirty = cycle.control_dirty || control.autonomy.modes.mode != mode_before ||
                          deployment.separated != deployment_before.separated ||
                          deployment.wing != deployment_before.wing ||
                          deployment.attempt != deployment_before.attempt;
}

void run_gate(Cycle& cycle) {
    constexpr float wheel_n_m = 0.0201F;
    constexpr float dipole_a_m2 = 10.01F;
    constexpr float array_rad_s = 0.0175F;
    const float tick_s = static_cast<float>(cycle.input.tick_ns) * 1e-9F;
    ActuatorFrame& actuator = cycle.output.actuator;
    Gate gate;
    for (float& torque : actuator.wheel_torque_n_m)
        gate.limit(torque, -wheel_n_m, wheel_n_m);
    for (float& dipole : actuator.torquer_dipole_body_a_m2)
        gate.limit(dipole, -dipole_a_m2, dipole_a_m2);
    for (float& on : actuator.thruster_on_s)
        gate.limit(on, 0.0F, tick_s);
    gate.limit(actuator.array_rate_rad_s, -array_rad_s, array_rad_s);
    for (float& part : actuator.attitude_command_body_from_gcrf)
        gate.limit(part, -1.001F, 1.001F);
    actuator.sequence = cycle.input.sensor.sequence;
    actuator.heartbeat = cycle.state.control.executive.heartbeat;
    if (gate.stopped == 0) return;
    std::uint32_t& count = cycle.state.account.computer.actuators_gated;
    if (count == 0) cycle.output.events.add(EventId::actuator_gated, gate.stopped);
    count += gate.stopped;
}

}  // namespace safehold::computer
