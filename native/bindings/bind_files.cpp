// File transfer on board by itself: mass memory, the entity, and PDUs in and out, without the rest of a
// computer. For tests against the ground's entity.
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "bind.hpp"
#include "safehold/cdh/files.hpp"
#include "safehold/host/mass_memory.hpp"

namespace safehold::bindings {
namespace {

using computer::FileList;

// One tick after another: answers, PDUs and commands since the last, timers, PDUs out, mass memory.
class FileBench {
  public:
    FileBench() { cdh::files_init(*control_, *account_); }

    void add_file(std::uint32_t file, std::uint8_t kind, const std::string& octets) {
        auto list = std::make_unique<FileList>();
        constexpr std::size_t step = FileList::capacity;
        do_now(*list, list->create(file, kind, static_cast<std::uint32_t>(octets.size())));
        for (std::size_t at = 0; at < octets.size(); at += step) {
            const std::size_t count = std::min(step, octets.size() - at);
            do_now(*list, list->write(file, static_cast<std::uint32_t>(at),
                                      reinterpret_cast<const std::uint8_t*>(octets.data()) + at, count));
        }
        do_now(*list, list->seal(file, static_cast<std::uint32_t>(octets.size())));
    }

    // The PDUs of one tick, at most `pdus_max`.
    std::vector<py::bytes> tick(const std::vector<py::bytes>& arrived, bool transmitter_on,
                                std::size_t pdus_max) {
        FileList& list = *list_;
        cdh::FilesContext context{*control_, *account_, list, status_, *events_};
        cdh::files_answers(context);
        for (const py::bytes& pdu : arrived) {
            const std::string octets = pdu;
            cdh::files_pdu(context, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
        }
        for (const auto& [command, file] : commands_)
            answers_.push_back(static_cast<int>(run(context, command, file)));
        commands_.clear();
        cdh::files_step(context, boot_, readback_.get(), transmitter_on, 100'000'000);
        boot_.fresh = 0;
        std::vector<py::bytes> made;
        cdh::FilePdus pdus(*control_, *account_, readback_.get(), transmitter_on);
        std::array<std::uint8_t, cdh::pdu_octets_max> octets;
        while (made.size() < pdus_max) {
            const std::size_t count = pdus.next(octets.data(), octets.size());
            if (count == 0) break;
            made.emplace_back(reinterpret_cast<const char*>(octets.data()), count);
        }
        const computer::ReadRequest request = pdus.wanted();
        finish(request);
        return made;
    }

    // The computer starts again: warm, what was control is as `kept` had it; else all is forgotten.
    void restart(const std::optional<std::string>& kept) {
        cdh::files_init(*control_, *account_);
        if (kept) {
            if (kept->size() != sizeof *control_) throw std::invalid_argument("not a control state");
            std::memcpy(control_.get(), kept->data(), sizeof *control_);
        }
        status_.file_answers = 0;
        readback_->request = {};
        readback_->status = 0;
        list_->count = list_->length = 0;
        ++boot_.count;
        boot_.fresh = 1;
    }
    py::bytes control() const { return {reinterpret_cast<const char*>(control_.get()), sizeof *control_}; }

    void flip(bool control, std::size_t bit) {
        auto* octets = control ? reinterpret_cast<std::uint8_t*>(control_.get())
                               : reinterpret_cast<std::uint8_t*>(account_.get());
        const std::size_t size = control ? sizeof *control_ : sizeof *account_;
        octets[bit / 8 % size] ^= static_cast<std::uint8_t>(1U << bit % 8);
    }

    void command(const std::string& name, std::uint32_t file) { commands_.emplace_back(name, file); }
    std::vector<int> take_answers() { return std::exchange(answers_, {}); }

    std::vector<std::tuple<int, double, double, double>> take_events() {
        std::vector<std::tuple<int, double, double, double>> taken;
        for (std::size_t i = 0; i < events_->count; ++i) {
            const Event& event = events_->items[i];
            taken.emplace_back(event.id, event.arguments[0], event.arguments[1], event.arguments[2]);
        }
        events_->count = 0;
        return taken;
    }

    // (id, kind, length, sealed, delivered) of every file.
    std::vector<std::tuple<std::uint32_t, int, std::uint32_t, bool, bool>> directory() const {
        auto readback = read({0,
                              computer::readback_octets_max,
                              0,
                              static_cast<std::uint8_t>(computer::ReadKind::directory),
                              0,
                              {}});
        std::vector<std::tuple<std::uint32_t, int, std::uint32_t, bool, bool>> entries;
        for (std::size_t i = 0; i < readback->records; ++i) {
            computer::FileEntry entry;
            std::memcpy(&entry, readback->data.data() + i * sizeof entry, sizeof entry);
            entries.emplace_back(entry.id, entry.kind, entry.length, entry.sealed != 0, entry.delivered != 0);
        }
        return entries;
    }

    py::bytes content(std::uint32_t file) const {
        std::string octets;
        while (true) {
            auto readback = read({octets.size(),
                                  computer::readback_octets_max,
                                  file,
                                  static_cast<std::uint8_t>(computer::ReadKind::file),
                                  0,
                                  {}});
            if (readback->octets == 0) return octets;
            octets.append(reinterpret_cast<const char*>(readback->data.data()), readback->octets);
        }
    }

    // Octets of files that were read out of mass memory for the ground.
    std::uint64_t read_octets() const { return read_octets_; }

    std::vector<std::uint32_t> dropped() const {
        return {account_->dropped.begin(), account_->dropped.end()};
    }

  private:
    void do_now(FileList& list, bool added) {
        if (!added) throw std::invalid_argument("too much for a list");
        if (memory_.file(list.items[0], list.octets.data() + list.items[0].at) != computer::FileAnswer::done)
            throw std::invalid_argument("mass memory refuses");
        list.count = list.length = 0;
        memory_.status(status_);
    }

    static cdh::FilesCommand run(cdh::FilesContext& context, const std::string& name, std::uint32_t file) {
        if (name == "send") return cdh::files_send(context, file);
        // Black boxes, the first two of the folder left out.
        if (name == "send_black_box") return cdh::files_send_chunks(context, 3, file);
        if (name == "cancel") return cdh::files_cancel(context, file);
        return cdh::files_remove(context, file, name == "force");
    }

    void finish(const computer::ReadRequest& request) {
        FileList& list = *list_;
        status_.file_answers = list.count;
        for (std::size_t i = 0; i < list.count; ++i) {
            status_.file_answer[i] =
                static_cast<std::uint8_t>(memory_.file(list.items[i], list.octets.data() + list.items[i].at));
        }
        list.count = list.length = 0;
        memory_.status(status_);
        if (request.kind != 0) {
            memory_.read(request, *readback_);
            if (request.kind == static_cast<std::uint8_t>(computer::ReadKind::file))
                read_octets_ += readback_->octets;
        } else {
            readback_->request = {};
            readback_->status = 0;
        }
    }

    std::unique_ptr<computer::Readback> read(const computer::ReadRequest& request) const {
        auto readback = std::make_unique<computer::Readback>();
        memory_.read(request, *readback);
        return readback;
    }

    std::unique_ptr<cdh::FilesControl> control_ = std::make_unique<cdh::FilesControl>();
    std::unique_ptr<cdh::FilesAccount> account_ = std::make_unique<cdh::FilesAccount>();
    std::unique_ptr<FileList> list_ = std::make_unique<FileList>();
    std::unique_ptr<EventList> events_ = std::make_unique<EventList>();
    std::unique_ptr<computer::Readback> readback_ = std::make_unique<computer::Readback>();
    computer::StoreStatus status_{};
    computer::BootStatus boot_{0, 1, 1, 0, 1, 0, 0, 0};
    host::MassMemory memory_;
    std::vector<std::pair<std::string, std::uint32_t>> commands_;
    std::vector<int> answers_;
    std::uint64_t read_octets_ = 0;
};

}  // namespace

void bind_files(py::module_& module) {
    py::class_<FileBench>(module, "FileBench")
        .def(py::init<>())
        .def("add_file", &FileBench::add_file, py::arg("file"), py::arg("kind"), py::arg("octets"))
        .def("tick", &FileBench::tick, py::arg("arrived"), py::arg("transmitter_on"), py::arg("pdus_max"))
        .def("restart", &FileBench::restart, py::arg("kept"))
        .def("control", &FileBench::control)
        .def("flip", &FileBench::flip, py::arg("control"), py::arg("bit"))
        .def("command", &FileBench::command, py::arg("name"), py::arg("file"))
        .def("take_answers", &FileBench::take_answers)
        .def("take_events", &FileBench::take_events)
        .def("directory", &FileBench::directory)
        .def("content", &FileBench::content, py::arg("file"))
        .def("read_octets", &FileBench::read_octets)
        .def("dropped", &FileBench::dropped);
}

}  // namespace safehold::bindings
