// SPDX-License-Identifier: MIT
// diet_classes: a program of C++ whose objects' fields test_diet.py knows: 1,000 shapes, 1,000 circles, and an array of 300
// more; 1,000 nodes of a std::map and 500 sessions that hold entries. It prints "ready", and waits for the end of its input.
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct base {
    virtual ~base()
    {
    }
    int id = 0;
    long stamp = 0; // never set
};

struct shape : base {
    std::string name;
    char unused[40] = {}; // never set
    shape *parent = nullptr;
};

struct circle final : shape {
    unsigned radius = 3;
};

struct entry { // ENTRY: smaller in another order: 32 bytes instead of 48
    char kind;
    long key;
    char flags;
    long value;
    char last;
    long next;
};

struct session {
    entry current;
    long id;
};

int main()
{
    std::vector<std::unique_ptr<base>> all;

    for (int i = 0; i < 1000; i++) {
        auto made = std::make_unique<shape>();

        made->id = 100000 + i;
        made->name = std::to_string(i);
        all.push_back(std::move(made));
        all.push_back(std::unique_ptr<base>(new circle));
    }
    std::map<int, entry> entries;
    std::vector<std::unique_ptr<session>> sessions;

    for (int i = 0; i < 1000; i++) {
        entries[i].key = i;
    }
    for (int i = 0; i < 500; i++) {
        sessions.push_back(std::make_unique<session>());
    }
    circle *array = new circle[300];

    for (int i = 0; i < 300; i++) {
        array[i].id = i;
    }
    std::puts("ready");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return array[1].id == 0 || entries.size() == sessions.size();
}
