// SPDX-License-Identifier: MIT
// diet_classes: a program of C++ whose objects' fields test_diet.py knows: 1,000 shapes, 1,000 circles, and an array of 300
// more. It prints "ready", and waits for the end of its input.
#include <cstdio>
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
    circle *array = new circle[300];

    for (int i = 0; i < 300; i++) {
        array[i].id = i;
    }
    std::puts("ready");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return array[1].id == 0;
}
