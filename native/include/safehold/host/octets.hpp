// A state as octets, little-endian as in memory: what is put in one end is taken from the other, checked.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace safehold::host {

class BlockPool;

// With a pool, what is put names full blocks of mass memory instead of holding them.
class Out {
  public:
    explicit Out(BlockPool* blocks = nullptr) : pool(blocks) {}
    void add(const void* data, std::size_t count) {
        const auto* at = static_cast<const std::uint8_t*>(data);
        if (count != 0) octets.insert(octets.end(), at, at + count);
    }
    template <typename T>
    void value(const T& item) {
        static_assert(std::is_trivially_copyable_v<T>);
        add(&item, sizeof item);
    }
    template <typename T>
    void list(const std::vector<T>& items) {
        static_assert(std::is_trivially_copyable_v<T>);
        const std::uint64_t count = items.size();
        value(count);
        add(items.data(), count * sizeof(T));
    }
    std::vector<std::uint8_t> octets;
    BlockPool* pool;
};

// Throws std::invalid_argument, naming `what`, when there is less than is asked for.
class In {
  public:
    In(const std::uint8_t* octets, std::size_t count, std::string what, const BlockPool* blocks = nullptr)
        : pool(blocks), at_(octets), left_(count), what_(std::move(what)) {}
    void take(void* data, std::size_t count) {
        require(count <= left_);
        if (count != 0) std::memcpy(data, at_, count);
        at_ += count;
        left_ -= count;
    }
    template <typename T>
    T value() {
        static_assert(std::is_trivially_copyable_v<T>);
        T item;
        take(&item, sizeof item);
        return item;
    }
    template <typename T>
    std::vector<T> list() {
        const auto count = value<std::uint64_t>();
        require(count <= left_ / sizeof(T));
        std::vector<T> items(count);
        take(items.data(), count * sizeof(T));
        return items;
    }
    // The number that comes next, which stays there.
    [[nodiscard]] std::uint64_t peek() const {
        std::uint64_t number = 0;
        require(sizeof number <= left_);
        std::memcpy(&number, at_, sizeof number);
        return number;
    }
    void require(bool holds) const {
        if (!holds) throw std::invalid_argument(what_ + " is cut short");
    }
    // A part with its length before it, to be taken by itself.
    In part() {
        const auto count = value<std::uint64_t>();
        require(count <= left_);
        In found(at_, count, what_, pool);
        at_ += count;
        left_ -= count;
        return found;
    }
    void rest(std::vector<std::uint8_t>& octets) {
        octets.insert(octets.end(), at_, at_ + left_);
        at_ += left_;
        left_ = 0;
    }
    [[nodiscard]] bool empty() const { return left_ == 0; }

    const BlockPool* pool;

  private:
    const std::uint8_t* at_;
    std::size_t left_;
    std::string what_;
};

}  // namespace safehold::host
