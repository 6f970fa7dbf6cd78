// SPDX-License-Identifier: MIT
//
// Objects with destructors in static memory and in every thread, of the program and of a module that
// is loaded later: their destructors allocate and free when a thread, and finally the process, ends.
//
// usage: thread_locals MODULE
#include "tests/preload/moments/thread_locals.h"

#include <cstdio>
#include <dlfcn.h>
#include <thread>

namespace
{

Keeper of_program;
thread_local Keeper of_thread;

void run(void (*use_module)(std::size_t), std::size_t count)
{
    of_thread.add(count);
    use_module(count);
    thread_local std::vector<std::unique_ptr<int>> late;
    for (std::size_t i = 0; i < count; i++) {
        late.push_back(std::make_unique<int>(static_cast<int>(i)));
    }
}

} // namespace

int main(int argc, char **argv)
{
    check_start();
    patience_alarm(50);
    CHECK(argc == 2);
    void *handle = dlopen(argv[1], RTLD_NOW);
    if (handle == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const auto use_module = reinterpret_cast<void (*)(std::size_t)>(dlsym(handle, "module_use"));
    CHECK(use_module != nullptr);
    for (std::size_t round = 0; round < 60; round++) {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < 4; i++) {
            threads.emplace_back(run, use_module, round * 4 + i);
        }
        for (auto &thread : threads) {
            thread.join();
        }
    }
    run(use_module, 500);
    of_program.add(1000);
    CHECK(dlclose(handle) == 0);
    return 0;
}
