// SPDX-License-Identifier: MIT
/* lmm::memory_resource: size classes, alignment, names, and containers of std::pmr. */
#include "tests/unit/cxx/check.hpp"

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

static void each_size_and_alignment()
{
    lmm::memory_resource resource("sizes");

    for (std::size_t align = 1; align <= LMM_ALIGN_MAX; align *= 2) {
        for (std::size_t bytes = 0; bytes < 20000; bytes += 1 + bytes / 3) {
            void *p = resource.allocate(bytes, align);
            CHECK(is_aligned(p, align));
            std::memset(p, 1, bytes);
            const struct lmm_block block = block_at(p);
            CHECK(block.bytes >= bytes);
            if (align <= 16 && bytes > 64 && bytes <= 8192) {
                CHECK(block.bytes < bytes + bytes / 4 && block.slots == 1);
            }
            CHECK(std::strncmp(lmm_family_name(block.family), "sizes-", 6) == 0);
            resource.deallocate(p, bytes, align);
        }
    }
    CHECK(lmm_leak_check(stderr) == 0);
}

static void class_of(lmm::memory_resource &resource, std::size_t bytes, const char *name,
                     std::size_t units)
{
    void *p = resource.allocate(bytes);
    CHECK(lives(name, 1, units));
    resource.deallocate(p, bytes);
    CHECK(lives(name, 0, 0));
}

static void classes()
{
    lmm::memory_resource resource("pool");

    class_of(resource, 1, "pool-16", 1);
    class_of(resource, 16, "pool-16", 1);
    class_of(resource, 17, "pool-32", 1);
    class_of(resource, 128, "pool-128", 1);
    class_of(resource, 129, "pool-160", 1);
    class_of(resource, 8192, "pool-8192", 1);
    class_of(resource, 8193, "pool-large", 9);
    class_of(resource, 1000000, "pool-large", 977);
    void *p = resource.allocate(10000, 4096);
    CHECK(lives("pool-large-4096", 1, 3));
    resource.deallocate(p, 10000, 4096);
}

static void containers()
{
    lmm::memory_resource resource;
    lmm::memory_resource same_name;
    {
        std::pmr::vector<std::pmr::string> texts(&resource);
        std::pmr::list<int> numbers(&resource);
        std::pmr::unordered_map<int, std::pmr::string> table(&resource);
        for (int i = 0; i < 500; i++) {
            texts.emplace_back("a text that is too long for a short string");
            numbers.push_back(i);
            table.emplace(i, "a text that is too long for a short string");
        }
        CHECK(texts.back().get_allocator().resource() == &resource && numbers.back() == 499);
        CHECK(stats_of("pmr-48").live_blocks >= 1000);
    }
    CHECK(resource == same_name && !(resource == *std::pmr::new_delete_resource()));
    void *p = resource.allocate(48);
    same_name.deallocate(p, 48);
    CHECK(lmm_leak_check(stderr) == 0);
}

template <class Allocate> static bool throws(Allocate allocate)
{
    try {
        allocate();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void errors()
{
    static lmm::memory_resource resource("a name that is longer than the longest name of a family, "
                                         "so that it must be cut");
    static volatile std::size_t too_long = SIZE_MAX; /* compilers warn of a constant */

    CHECK(throws([] { return resource.allocate(too_long); }));
    CHECK(throws([] { return resource.allocate(std::size_t(1) << 46); }));
    CHECK(throws([] { return resource.allocate(8, 2 * std::size_t(LMM_ALIGN_MAX)); }));
    void *p = resource.allocate(100);
    const std::string name = lmm_family_name(lmm_family_of(p));
    CHECK(name.size() == LMM_NAME_MAX && name.compare(name.size() - 4, 4, "-112") == 0);
    resource.deallocate(p, 100);
}

int main()
{
    each_size_and_alignment();
    classes();
    containers();
    errors();
    return 0;
}
