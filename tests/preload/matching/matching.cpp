// SPDX-License-Identifier: MIT
//
// matching MAKER: makes blocks of one kind and frees one by each function, the right ones and the wrong ones;
// the name of each comes before it on standard error. matching TURN: one of the turns below.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace
{

constexpr std::size_t bytes = 48;
constexpr auto align = std::align_val_t(64);
constexpr auto other_align = std::align_val_t(32);
using Function = void(void *);

// A function that data points to, as tables of callbacks have it.
Function *by_address = ::operator delete;

void *from_posix_memalign()
{
    void *p = nullptr;
    return posix_memalign(&p, 64, bytes) == 0 ? p : nullptr;
}

const struct Maker {
    const char *name;
    void *(*make)();
} makers[] = {
    {"malloc", [] { return std::malloc(bytes); }},
    {"calloc", [] { return std::calloc(1, bytes); }},
    {"realloc", [] { return std::realloc(std::malloc(8), bytes); }},
    {"strdup", [] { return static_cast<void *>(strdup(std::string(bytes - 1, 'x').c_str())); }},
    {"posix_memalign", from_posix_memalign},
    {"aligned_alloc", [] { return aligned_alloc(16, bytes); }},
    {"new", [] { return ::operator new(bytes); }},
    {"new nothrow", [] { return ::operator new(bytes, std::nothrow); }},
    {"new align", [] { return ::operator new(bytes, align); }},
    {"new align nothrow", [] { return ::operator new(bytes, align, std::nothrow); }},
    {"new[]", [] { return ::operator new[](bytes); }},
    {"new[] nothrow", [] { return ::operator new[](bytes, std::nothrow); }},
    {"new[] align", [] { return ::operator new[](bytes, align); }},
    {"new[] align nothrow", [] { return ::operator new[](bytes, align, std::nothrow); }},
};

void by_name(void *p)
{
    void *found = dlsym(RTLD_DEFAULT, "_ZdlPv");
    Function *release = nullptr;
    std::memcpy(&release, &found, sizeof(release));
    (release == nullptr ? by_address : release)(p);
}

const struct {
    const char *name;
    Function *release;
} releases[] = {
    {"free", [](void *p) { std::free(p); }},
    {"realloc", [](void *p) { std::free(std::realloc(p, 2 * bytes)); }},
    {"delete", [](void *p) { ::operator delete(p); }},
    {"delete by address", [](void *p) { by_address(p); }},
    {"delete by name", by_name},
    {"delete nothrow", [](void *p) { ::operator delete(p, std::nothrow); }},
    {"delete size", [](void *p) { ::operator delete(p, bytes); }},
    {"delete other size", [](void *p) { ::operator delete(p, bytes - 8); }},
    {"delete align", [](void *p) { ::operator delete(p, align); }},
    {"delete other align", [](void *p) { ::operator delete(p, other_align); }},
    {"delete align nothrow", [](void *p) { ::operator delete(p, align, std::nothrow); }},
    {"delete size align", [](void *p) { ::operator delete(p, bytes, align); }},
    {"delete[]", [](void *p) { ::operator delete[](p); }},
    {"delete[] nothrow", [](void *p) { ::operator delete[](p, std::nothrow); }},
    {"delete[] size", [](void *p) { ::operator delete[](p, bytes); }},
    {"delete[] other size", [](void *p) { ::operator delete[](p, bytes + 1); }},
    {"delete[] align", [](void *p) { ::operator delete[](p, align); }},
    {"delete[] align nothrow", [](void *p) { ::operator delete[](p, align, std::nothrow); }},
    {"delete[] other size align", [](void *p) { ::operator delete[](p, bytes * 2, align); }},
};

bool make_and_release(const char *name)
{
    const auto *found =
        std::find_if(std::begin(makers), std::end(makers),
                     [name](const Maker &maker) { return std::strcmp(maker.name, name) == 0; });
    if (found == std::end(makers)) {
        return false;
    }
    for (const auto &way : releases) {
        void *volatile p = found->make();
        std::fprintf(stderr, "%s\n", way.name);
        way.release(p);
    }
    return true;
}

// ---- Turns ----------------------------------------------------------------------------------------

// One pair of places again and again.
void again()
{
    for (int i = 0; i < 1000; i++) {
        void *volatile p = new char;
        std::free(p);
    }
}

template <std::size_t number> __attribute__((noinline)) void place()
{
    void *volatile p = ::operator new(number + 1);
    std::free(p);
}

template <std::size_t... number> void places(std::index_sequence<number...>)
{
    (place<number>(), ...);
}

// 120 pairs of places.
void many()
{
    places(std::make_index_sequence<120>());
}

void other_thread()
{
    void *volatile p = new char[bytes];
    std::thread([p] { ::operator delete(p); }).join();
}

void child()
{
    void *volatile p = new char[bytes];
    const pid_t pid = fork();
    if (pid == 0) {
        std::free(p);
        _exit(0);
    }
    waitpid(pid, nullptr, 0);
    delete[] static_cast<char *>(p);
}

struct alignas(128) Wide {
    char bytes[300];
};

struct OwnOperators {
    long value[4];
    static void *operator new(std::size_t size)
    {
        return std::malloc(size);
    }
    static void operator delete(void *p)
    {
        std::free(p);
    }
};

void work(unsigned seed)
{
    std::map<unsigned, std::string> ordered;
    std::vector<std::string> strings;
    for (unsigned i = 0; i < 5000; i++) {
        ordered[(i + seed) * 7919 % 5003] = std::string(i % 100, 'x');
        strings.push_back(std::to_string(i * seed));
    }
    std::stable_sort(strings.begin(), strings.end());
    std::ostringstream stream;
    stream << strings.size() << ordered.size();
    std::pmr::unsynchronized_pool_resource pool;
    std::pmr::vector<std::pmr::string> others(&pool);
    for (const std::string &text : strings) {
        others.emplace_back(text.c_str());
    }
    delete new OwnOperators;
    auto wide = std::make_unique<Wide[]>(5);
    auto shared = std::make_shared<Wide>();
    wide[1] = *shared;
}

// What is right: containers, streams, pools, threads, exceptions, placement, operators of a class.
void right()
{
    alignas(std::string) char room[sizeof(std::string)];
    auto *text = new (room) std::string(1000, 'x');
    text->~basic_string();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; i++) {
        threads.emplace_back(work, i);
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (std::size_t big = 1; big < 1u << 20; big *= 3) {
        ::operator delete(::operator new(big), big);
        delete[] new (std::nothrow) char[big];
    }
    try {
        ::operator delete(::operator new(static_cast<std::size_t>(PTRDIFF_MAX)));
    } catch (const std::bad_alloc &) {
        std::fprintf(stderr, "bad_alloc\n");
    }
}

const struct {
    const char *name;
    void (*run)();
} turns[] = {{"again", again},
             {"many", many},
             {"other thread", other_thread},
             {"child", child},
             {"right", right}};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    for (const auto &turn : turns) {
        if (std::strcmp(argv[1], turn.name) == 0) {
            turn.run();
            return 0;
        }
    }
    return make_and_release(argv[1]) ? 0 : 2;
}
