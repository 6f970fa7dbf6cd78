// SPDX-License-Identifier: MIT
/* lmm::allocator in the containers of the standard library: counts, alignment, errors, and use
 * before main() and after it. */
#include "tests/unit/cxx/check.hpp"

#include <cerrno>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace shop
{
struct item {
    int id;
    double price;
};
struct alignas(256) wide {
    char bytes[300];
};
struct before_main {
    long value;
};
struct rest {
    int value;
};
} // namespace shop

template <class T> using vector = std::vector<T, lmm::allocator<T>>;

/* Destroyed after main(): so is its memory freed. */
static vector<shop::before_main> early(5);

static void vectors_are_arrays()
{
    vector<shop::item> items;

    items.reserve(100);
    CHECK(lives("shop::item", 1, 100));
    CHECK(lmm_block_count(items.data()) == 100);
    CHECK(std::strcmp(block_at(items.data()).file, "(unattributed)") == 0);
    for (int i = 0; i < 1000; i++) {
        items.push_back(shop::item {i, 1.5});
    }
    CHECK(items[999].id == 999 && items[0].price == 1.5);
    CHECK(stats_of("shop::item").live_slots == items.capacity());
    vector<shop::item> copy(items);
    vector<shop::item> moved(std::move(items));
    CHECK(copy.size() == 1000 && moved.size() == 1000);
    copy.swap(moved);
    copy = std::move(moved);
    CHECK(stats_of("shop::item").live_blocks == 1);
    vector<shop::item>().swap(copy);
    CHECK(lives("shop::item", 0, 0));
}

/* The containers allocate nodes, so they rebind the allocator. */
static void containers_rebind()
{
    std::list<int, lmm::allocator<int>> list;
    std::map<int, std::string, std::less<int>, lmm::allocator<std::pair<const int, std::string>>>
        map;
    std::unordered_map<int, int, std::hash<int>, std::equal_to<int>,
                       lmm::allocator<std::pair<const int, int>>>
        table;

    for (int i = 0; i < 1000; i++) {
        list.push_front(i);
        map[i] = "a text that is too long for a short string";
        table[i] = -i;
    }
    CHECK(list.front() == 999 && map.size() == 1000 && table.at(7) == -7);
    std::uint64_t blocks = 0;
    auto add = [](struct lmm_family *family, void *arg) {
        struct lmm_stats stats;
        CHECK(lmm_family_stats(family, &stats) == 0);
        *static_cast<std::uint64_t *>(arg) += stats.live_blocks == 1000 ? 1000 : 0;
        return 0;
    };
    lmm_for_each_family(add, &blocks);
    CHECK(blocks == 3000);
    list.clear();
    map.clear();
    table.clear();
}

static void strings()
{
    using string = std::basic_string<char, std::char_traits<char>, lmm::allocator<char>>;
    {
        string text(1000, 'x');
        text += text;
        CHECK(text.size() == 2000 && stats_of("char").live_slots == text.capacity() + 1);
    }
    CHECK(lives("char", 0, 0));
}

static std::uint64_t live_blocks()
{
    std::uint64_t blocks = 0;

    lmm_for_each_block(
        nullptr,
        [](const lmm_block *, void *arg) {
            ++*static_cast<std::uint64_t *>(arg);
            return 0;
        },
        &blocks);
    return blocks;
}

static void shared_pointers()
{
    const std::uint64_t before = live_blocks();
    auto one = std::allocate_shared<shop::item>(lmm::allocator<shop::item>(), shop::item {7, 2});
    std::weak_ptr<shop::item> weak(one);
    auto other = std::allocate_shared<shop::item>(lmm::allocator<void>(), shop::item {8, 2});

    CHECK(one->id == 7 && other->id == 8 && live_blocks() == before + 2);
    one.reset();
    other.reset();
    CHECK(weak.expired() && live_blocks() == before + 1);
    weak.reset();
    CHECK(live_blocks() == before);
}

static void alignment()
{
    lmm::allocator<shop::wide> allocator;

    for (std::size_t n = 1; n < 40; n++) {
        shop::wide *p = allocator.allocate(n);
        CHECK(is_aligned(p, 256));
        std::memset(static_cast<void *>(p), 1, n * sizeof(*p));
        allocator.deallocate(p, n);
    }
    CHECK(sizeof(shop::wide) == 512 && stats_of("shop::wide").size_bytes == 512);
}

static int relieved;

static void relieve()
{
    if (++relieved == 3) {
        std::set_new_handler(nullptr);
    }
}

template <class Error> static bool throws(std::size_t n)
{
    try {
        lmm::allocator<shop::rest>().allocate(n);
    } catch (const Error &) {
        return true;
    }
    return false;
}

/* A length that fits the address space and no machine; the new-handler is asked first. */
static void errors()
{
    const std::size_t no_memory = std::size_t(1) << 44;

    CHECK(lmm::allocator<shop::rest>().allocate(0) == nullptr);
    lmm::allocator<shop::rest>().deallocate(nullptr, 0);
    CHECK(throws<std::bad_array_new_length>(SIZE_MAX));
    CHECK(throws<std::bad_array_new_length>(SIZE_MAX / sizeof(shop::rest)));
    CHECK(throws<std::bad_alloc>(no_memory));
    std::set_new_handler(relieve);
    CHECK(throws<std::bad_alloc>(no_memory));
    CHECK(errno != ENOMEM || relieved == 3);
    std::set_new_handler(nullptr);
}

static void traits()
{
    using traits = std::allocator_traits<lmm::allocator<int>>;
    using rebound = traits::rebind_alloc<shop::item>;
    lmm::allocator<int> a;
    rebound b(a);

    static_assert(std::is_same<rebound, lmm::allocator<shop::item>>::value, "rebinds");
    static_assert(traits::propagate_on_container_swap::value, "propagates");
    static_assert(std::is_empty<lmm::allocator<int>>::value, "has no state");
    CHECK(a == b && !(a != b) && a == traits::select_on_container_copy_construction(a));
    CHECK(lmm::family<const shop::item>() == lmm::family<shop::item>());
}

int main()
{
    CHECK(lives("shop::before_main", 1, 5));
    vectors_are_arrays();
    containers_rebind();
    strings();
    shared_pointers();
    alignment();
    errors();
    traits();
    return 0;
}
