// PUS 8, functions of files and of the payload: send, cancel, remove, list; image a place.
#include "safehold/cdh/files.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/gnc/imaging.hpp"

namespace safehold::cdh {
namespace {

Outcome outcome(FilesCommand answer, std::uint32_t file) {
    switch (answer) {
        case FilesCommand::done:
            return {};
        case FilesCommand::unknown:
            return {FailureCode::unknown, file};
        case FilesCommand::full:
            return {FailureCode::queue_full, file};
    }
    return {FailureCode::execution, file};
}

Outcome check_files(const CommandContext& context, const Request&, const Arguments&) {
    return context.files != nullptr ? Outcome{} : Outcome{FailureCode::execution, 0};
}

Outcome run_send(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t file = to_u32(argument[0]);
    return outcome(files_send(*context.files, file), file);
}

Outcome run_cancel(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t file = to_u32(argument[0]);
    return outcome(files_cancel(*context.files, file), file);
}

Outcome run_remove(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint32_t file = to_u32(argument[0]);
    return outcome(files_remove(*context.files, file, to_u8(argument[1]) != 0), file);
}

Outcome check_image(const CommandContext& context, const Request&, const Arguments&) {
    return context.imaging != nullptr ? Outcome{} : Outcome{FailureCode::execution, 0};
}

Outcome run_image(CommandContext& context, const Request&, const Arguments& argument) {
    const bool planned = imaging_plan(*context.imaging, argument[0], argument[1], argument[2],
                                      to_u32(argument[3]), to_u32(argument[4]));
    context.control_dirty = context.control_dirty || planned;
    return planned ? Outcome{} : Outcome{FailureCode::queue_full, ImagingControl::plans_max};
}

constexpr std::array<Handler, 4> handlers = {{
    {TelecommandId::send_file, check_files, run_send},
    {TelecommandId::cancel_file, check_files, run_cancel},
    {TelecommandId::remove_file, check_files, run_remove},
    {TelecommandId::image_target, check_image, run_image},
}};

}  // namespace

HandlerTable file_handlers() {
    return {handlers.data(), handlers.size()};
}

}  // namespace safehold::cdh
