#include "safehold/computer/store.hpp"

#include <cstring>

namespace safehold::computer {

bool RecordList::add(Stream stream, const std::uint8_t* record, std::size_t record_octets) {
    if (count >= items_max || length > capacity || record_octets == 0 || record_octets > record_octets_max ||
        record_octets > capacity - length) {
        return false;
    }
    items[count] = {static_cast<std::uint32_t>(record_octets), static_cast<std::uint8_t>(stream), {}};
    std::memcpy(octets.data() + length, record, record_octets);
    length += static_cast<std::uint32_t>(record_octets);
    ++count;
    return true;
}

bool readback_is_sound(const Readback& readback, const ReadRequest& asked) {
    return readback.status == static_cast<std::uint32_t>(ReadStatus::done) &&
           std::memcmp(&readback.request, &asked, sizeof asked) == 0 &&
           readback.octets <= readback.data.size() &&
           crc32(readback.data.data(), readback.octets) == readback.crc;
}

bool next_record(const Readback& readback, std::size_t& at, RecordView& view) {
    const std::size_t end = readback.octets <= readback.data.size() ? readback.octets : 0;
    if (at > end || end - at < sizeof(RecordHead)) return false;
    std::memcpy(&view.head, readback.data.data() + at, sizeof(RecordHead));
    if (view.head.length > end - at - sizeof(RecordHead)) return false;
    view.octets = readback.data.data() + at + sizeof(RecordHead);
    at += sizeof(RecordHead) + view.head.length;
    return true;
}

FileRequest* FileList::add(FileOperation operation, std::uint32_t file) {
    if (count >= file_requests_max) return nullptr;
    FileRequest& request = items[count++];
    request = {};
    request.file = file;
    request.operation = static_cast<std::uint8_t>(operation);
    return &request;
}

bool FileList::create(std::uint32_t file, std::uint8_t kind, std::uint32_t length_max, bool anew) {
    FileRequest* request = add(FileOperation::create, file);
    if (request == nullptr) return false;
    request->kind = kind;
    request->length = length_max;
    request->check = anew ? 1 : 0;
    return true;
}

bool FileList::write(std::uint32_t file, std::uint32_t offset, const std::uint8_t* data,
                     std::size_t data_octets) {
    if (length > capacity || data_octets > capacity - length) return false;
    FileRequest* request = add(FileOperation::write, file);
    if (request == nullptr) return false;
    request->offset = offset;
    request->length = static_cast<std::uint32_t>(data_octets);
    request->at = length;
    if (data_octets != 0) std::memcpy(octets.data() + length, data, data_octets);
    length += static_cast<std::uint32_t>(data_octets);
    return true;
}

bool FileList::seal(std::uint32_t file, std::uint32_t length_final) {
    FileRequest* request = add(FileOperation::seal, file);
    if (request == nullptr) return false;
    request->length = length_final;
    return true;
}

bool FileList::seal(std::uint32_t file, std::uint32_t length_final, std::uint32_t crc) {
    FileRequest* request = add(FileOperation::seal, file);
    if (request == nullptr) return false;
    request->length = length_final;
    request->crc = crc;
    request->check = 1;
    return true;
}

bool FileList::remove(std::uint32_t file, bool delivered_only) {
    FileRequest* request = add(FileOperation::remove, file);
    if (request == nullptr) return false;
    request->check = delivered_only ? 1 : 0;
    return true;
}

bool FileList::mark(std::uint32_t file) {
    return add(FileOperation::mark, file) != nullptr;
}

bool FileList::expose(std::uint32_t file, std::uint8_t kind, std::uint32_t exposure_ms) {
    FileRequest* request = add(FileOperation::expose, file);
    if (request == nullptr) return false;
    request->kind = kind;
    request->length = exposure_ms;
    return true;
}

}  // namespace safehold::computer
