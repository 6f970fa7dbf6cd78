// SPDX-License-Identifier: MIT
//
// C++'s new and delete with the drop-in: plain, array, aligned, nothrow, sized; bad_alloc without
// memory, after a call of the new handler; and the containers of the standard library.
#include "tests/preload/check.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <malloc.h>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

namespace
{

struct alignas(256) Wide {
    char bytes[700];
};

template <std::size_t size> struct Sized {
    unsigned char bytes[size];
    Sized()
    {
        check_paint(bytes, size, size);
    }
    ~Sized()
    {
        CHECK_AT(check_is_painted(bytes, size, size), size);
    }
};

template <std::size_t size> void test_size()
{
    std::vector<std::unique_ptr<Sized<size>>> ones;
    std::vector<std::unique_ptr<Sized<size>[]>> arrays;
    for (std::size_t i = 0; i < 100; i++) {
        ones.push_back(std::make_unique<Sized<size>>());
        CHECK_AT(check_is_aligned(ones.back().get(), size >= 16 ? 16 : 8), size);
        arrays.push_back(std::make_unique<Sized<size>[]>(i));
    }
}

void test_operators()
{
    for (std::size_t bytes = 0; bytes < 100000; bytes += bytes / 2 + 1) {
        void *block = ::operator new(bytes);
        CHECK_AT(block != nullptr && malloc_usable_size(block) >= bytes, bytes);
        std::memset(block, 1, bytes);
        ::operator delete(block);
        block = ::operator new(bytes);
        ::operator delete(block, bytes);
        block = ::operator new[](bytes);
        ::operator delete[](block);
        block = ::operator new[](bytes);
        ::operator delete[](block, bytes);
        block = ::operator new(bytes, std::nothrow);
        CHECK_AT(block != nullptr, bytes);
        ::operator delete(block, std::nothrow);
        block = ::operator new[](bytes, std::nothrow);
        CHECK_AT(block != nullptr, bytes);
        ::operator delete[](block, std::nothrow);
        for (std::size_t align = 16; align <= 2u << 20; align *= 2) {
            const auto align_value = std::align_val_t(align);
            block = ::operator new(bytes, align_value);
            CHECK_AT(check_is_aligned(block, align), align);
            std::memset(block, 1, bytes);
            ::operator delete(block, align_value);
            block = ::operator new[](bytes, align_value);
            CHECK_AT(check_is_aligned(block, align), align);
            ::operator delete[](block, bytes, align_value);
            block = ::operator new(bytes, align_value, std::nothrow);
            CHECK_AT(block != nullptr && check_is_aligned(block, align), align);
            ::operator delete(block, align_value, std::nothrow);
        }
    }
    ::operator delete(nullptr);
    ::operator delete[](nullptr);
}

bool throws(const std::function<void *()> &allocate)
{
    try {
        allocate();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

int handler_calls;

void give_up_at_third()
{
    if (++handler_calls == 3) {
        std::set_new_handler(nullptr);
    }
}

void test_no_memory()
{
    static const std::size_t sizes[] = {std::numeric_limits<std::ptrdiff_t>::max(),
                                        std::numeric_limits<std::size_t>::max(),
                                        std::numeric_limits<std::size_t>::max() - 100};
    for (std::size_t bytes : sizes) {
        bytes = check_opaque(bytes);
        CHECK(throws([=] { return ::operator new(bytes); }));
        CHECK(throws([=] { return ::operator new[](bytes); }));
        CHECK(::operator new(bytes, std::nothrow) == nullptr);
        CHECK(::operator new[](bytes, std::nothrow) == nullptr);
    }
    // libstdc++ of 2022 rounds the size up to the alignment and does not check for overflow.
    const auto most = check_opaque(std::numeric_limits<std::ptrdiff_t>::max());
    CHECK(throws([=] { return ::operator new(most, std::align_val_t(64)); }));
    CHECK(throws([=] { return ::operator new[](most, std::align_val_t(4096)); }));
    CHECK(::operator new(most, std::align_val_t(64), std::nothrow) == nullptr);
    CHECK(throws([] { return new char[check_opaque(SIZE_MAX / 2 - 1)]; }));
    std::set_new_handler(give_up_at_third);
    CHECK(throws([] { return ::operator new(check_opaque(PTRDIFF_MAX)); }));
    CHECK(handler_calls == 3);
}

void test_containers()
{
    std::map<int, std::string> ordered;
    std::unordered_map<std::string, std::vector<int>> hashed;
    for (int i = 0; i < 20000; i++) {
        ordered[i * 7919 % 20011] = std::string(static_cast<std::size_t>(i % 200), 'x');
        hashed[std::to_string(i % 1000)].push_back(i);
    }
    for (const auto &[key, text] : ordered) {
        CHECK_AT(std::all_of(text.begin(), text.end(), [](char c) { return c == 'x'; }), key);
    }
    for (const auto &[key, numbers] : hashed) {
        for (std::size_t i = 0; i < numbers.size(); i++) {
            CHECK(numbers[i] == std::stoi(key) + static_cast<int>(i) * 1000);
        }
    }
    std::pmr::monotonic_buffer_resource arena;
    std::pmr::vector<std::pmr::string> strings(&arena);
    for (int i = 0; i < 5000; i++) {
        strings.emplace_back(std::string(static_cast<std::size_t>(i % 100), 'y').c_str());
    }
    CHECK(strings.size() == 5000 && strings[99].size() == 99);
    auto wide = std::make_unique<Wide[]>(10);
    CHECK(check_is_aligned(wide.get(), 256));
    auto shared = std::make_shared<Wide>();
    CHECK(check_is_aligned(shared.get(), 256));
}

} // namespace

int main()
{
    check_start();
    test_size<1>();
    test_size<8>();
    test_size<24>();
    test_size<100>();
    test_size<1000>();
    test_size<5000>();
    test_size<70000>();
    test_operators();
    test_no_memory();
    test_containers();
    return 0;
}
