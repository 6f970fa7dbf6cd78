// SPDX-License-Identifier: MIT
//
// A leak at each of twelve places. The comment on its line has what the report must show: function,
// blocks and bytes; file and line are those of the comment. The leak "of the child" is only in the
// report of the forked child.
//
// usage: plants MODULE
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/preload/leaks/plants.h"

#define NOINLINE __attribute__((noinline))

namespace
{

struct Record {
    long number;
    char text[90];
};

NOINLINE void leak_new()
{
    plant(new Record); /* leak: leak_new, 1, 104 */
}

NOINLINE void leak_new_array()
{
    for (int i = 0; i < 4; i++) {
        plant(new int[25]); /* leak: leak_new_array, 4, 400 */
    }
}

NOINLINE void leak_strdup()
{
    plant(strdup("twenty-one characters")); /* leak: leak_strdup, 1, 22 */
}

// The first buffer of getline has 120 bytes.
NOINLINE void leak_getline()
{
    char text[] = "a line\n";
    FILE *file = fmemopen(text, sizeof(text), "r");
    char *line = nullptr;
    std::size_t room = 0;
    if (getline(&line, &room, file) != 7) { /* leak: leak_getline, 1, 120 */
        std::abort();
    }
    std::fclose(file);
    plant(line);
}

NOINLINE void leak_realloc_chain()
{
    char *block = nullptr;
    for (std::size_t bytes = 100; bytes <= 30000; bytes += 100) {
        block = static_cast<char *>(std::realloc(block, bytes)); /* leak: leak_realloc_chain, 1, 30000 */
        block[bytes - 1] = 1;
    }
    plant(block);
}

NOINLINE void leak_in_thread()
{
    for (int i = 0; i < 5; i++) {
        plant(std::malloc(64)); /* leak: leak_in_thread, 5, 320 */
    }
}

NOINLINE void leak_in_module(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW);
    if (handle == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        std::abort();
    }
    reinterpret_cast<void (*)()>(dlsym(handle, "module_leak"))();
    if (dlclose(handle) != 0) {
        std::abort();
    }
}

NOINLINE void leak_in_child()
{
    for (int i = 0; i < 6; i++) {
        plant(std::calloc(7, 11)); /* leak of the child: leak_in_child, 6, 462 */
    }
}

void run_child()
{
    const pid_t child = fork();
    if (child == 0) {
        leak_in_child();
        std::exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
        std::abort();
    }
}

class Early
{
  public:
    NOINLINE Early()
    {
        plant(std::malloc(1111)); /* leak: Early, 1, 1111 */
    }
};

Early early;

__attribute__((always_inline)) inline void leak_inlined(std::size_t bytes)
{
    plant(std::malloc(bytes)); /* leak: leak_inlined, 2, 666 */
}

NOINLINE void call_inlined()
{
    leak_inlined(333);
    plant(nullptr);
    leak_inlined(333);
}

template <typename T> NOINLINE void leak_template(std::size_t count)
{
    plant(new T[count]); /* leak: leak_template<double>, 1, 56 */
}

NOINLINE void leak_large()
{
    plant(std::malloc(100u << 20)); /* leak: leak_large, 1, 104857600 */
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    run_child();
    leak_new();
    leak_new_array();
    leak_strdup();
    leak_getline();
    leak_realloc_chain();
    std::thread(leak_in_thread).join();
    leak_in_module(argv[1]);
    call_inlined();
    leak_template<double>(7);
    leak_large();
    return 0;
}
