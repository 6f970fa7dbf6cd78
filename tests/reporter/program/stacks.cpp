// SPDX-License-Identifier: MIT
//
// stacks: prints the return addresses of some calls, and what is mapped, for test_stacks.py to make
// ledgers of:
//   module PATH START END BIAS        in hexadecimal, of all that is mapped
//   stack NAME ADDRESS...             the innermost first
// The test finds lines by the comments "at: WORD".
#include <execinfo.h>
#include <link.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

static const char *recorded_as;

// Prints the stack from the caller on, once for each name.
[[gnu::noinline]] static void record()
{
    void *addresses[64];
    int count = backtrace(addresses, 64);

    if (recorded_as != nullptr) {
        std::printf("stack %s", recorded_as);
        for (int i = 1; i < count; i++) {
            std::printf(" %zx", reinterpret_cast<std::size_t>(addresses[i]));
        }
        std::printf("\n");
        recorded_as = nullptr;
    }
}

void *operator new(std::size_t bytes)
{
    void *block = std::malloc(bytes);

    record();
    if (block == nullptr) {
        std::abort();
    }
    return block;
}

void operator delete(void *block) noexcept
{
    std::free(block);
}

void operator delete(void *block, std::size_t) noexcept
{
    std::free(block);
}

namespace hr {

template <typename T> [[gnu::noinline]] T *make(int count)
{
    record(); // at: make
    asm volatile("" ::: "memory");
    return count > 0 ? new T() : nullptr;
}

[[gnu::always_inline]] inline int *hire(int count)
{
    int *made = make<int>(count); // at: hire

    asm volatile("" ::: "memory");
    return made;
}

} // namespace hr

extern "C" [[gnu::noinline]] void run_company(int count)
{
    recorded_as = "company";
    int *made = hr::hire(count); // at: company

    asm volatile("" ::"r"(made) : "memory");
}

[[gnu::noinline]] static void grow(std::vector<int> &numbers)
{
    recorded_as = "grow";
    numbers.push_back(1); // at: grow
    asm volatile("" ::: "memory");
}

static int print_module(struct dl_phdr_info *info, std::size_t, void *program)
{
    std::size_t start = SIZE_MAX;
    std::size_t end = 0;

    for (int i = 0; i < info->dlpi_phnum; i++) {
        const auto &segment = info->dlpi_phdr[i];

        if (segment.p_type == PT_LOAD) {
            std::size_t first = info->dlpi_addr + segment.p_vaddr;

            start = first < start ? first : start;
            end = first + segment.p_memsz > end ? first + segment.p_memsz : end;
        }
    }
    std::printf("module %s %zx %zx %zx\n",
                info->dlpi_name[0] != '\0' ? info->dlpi_name : static_cast<char *>(program), start,
                end, static_cast<std::size_t>(info->dlpi_addr));
    return 0;
}

int main(int argc, char **argv)
{
    std::vector<int> numbers;

    dl_iterate_phdr(print_module, argv[0]);
    run_company(argc - 1); // at: main
    grow(numbers);
    return 0;
}
