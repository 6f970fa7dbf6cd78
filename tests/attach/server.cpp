/* SPDX-License-Identifier: MIT */
/*
 * server PATH: a server of C++ on a local socket: a thread for each connection, which answers lines. Each answer builds and
 * throws objects; "fork" forks a child that does the same, and answers its status. Handlers of fork, registered
 * before anybody attaches, allocate and free. free is called by a pointer that was taken at the start. "end" ends
 * the program, with status 9.
 */
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

constexpr int status = 9;
constexpr int child_status = 3;

void (*const volatile release)(void *) = std::free; // a pointer from before
std::mutex handler_lock;
std::vector<std::string> handler_log;

void before_fork()
{
    handler_lock.lock();
    handler_log.emplace_back(200, 'b');
    void *block = std::malloc(300);
    std::free(std::realloc(block, 5000));
}

void after_fork()
{
    handler_log.emplace_back(2000, 'a');
    if (handler_log.size() > 20) {
        handler_log.clear();
        handler_log.shrink_to_fit();
    }
    handler_lock.unlock();
}

[[noreturn]] void fail(const std::string &text)
{
    throw std::runtime_error(text + std::string(100, '!'));
}

/* The number of bytes that it handled; the same for the same line. */
size_t work(const std::string &line)
{
    std::map<std::string, std::unique_ptr<std::string>> table;
    size_t sum = 0;

    for (int i = 0; i < 50; i++) {
        std::string key = line + std::to_string(i * 7919 % 101);
        table[key] = std::make_unique<std::string>(key + std::string(static_cast<size_t>(i), 'x'));
        try {
            if (i % 5 == 0) {
                fail(key);
            }
        } catch (const std::exception &error) {
            sum += std::strlen(error.what());
        }
        release(strdup(key.c_str()));
    }
    for (const auto &entry : table) {
        sum += entry.second->size();
    }
    return sum;
}

int fork_one(const std::string &line)
{
    pid_t child = fork();

    if (child == 0) {
        _exit(work(line) == work(line) ? child_status : 1);
    }
    int result = 0;
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(result) ? WEXITSTATUS(result) : 1000 + WTERMSIG(result);
}

std::string answer(const std::string &line)
{
    return line == "fork" ? "child " + std::to_string(fork_one(line)) : std::to_string(work(line));
}

void serve(int connection)
{
    FILE *in = fdopen(connection, "r");
    char *line = nullptr;
    size_t room = 0;
    ssize_t bytes;

    while ((bytes = getline(&line, &room, in)) > 0) {
        std::string text(line, static_cast<size_t>(bytes) - 1);
        if (text == "end") {
            std::exit(status);
        }
        std::string reply = answer(text) + "\n";
        if (write(connection, reply.data(), reply.size()) != static_cast<ssize_t>(reply.size())) {
            break;
        }
    }
    std::free(line);
    fclose(in);
}

} // namespace

int main(int argc, char *argv[])
{
    sockaddr_un address = {};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc != 2 || std::strlen(argv[1]) >= sizeof(address.sun_path)) {
        return 1;
    }
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, argv[1]);
    pthread_atfork(before_fork, after_fork, after_fork);
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0 ||
        listen(listener, 16) != 0) {
        return 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
        int connection = accept(listener, nullptr, nullptr);
        if (connection >= 0) {
            std::thread(serve, connection).detach();
        }
    }
}
