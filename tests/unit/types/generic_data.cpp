// SPDX-License-Identifier: MIT
// Containers and makers of C++, whose debug information test_generics.c looks at.
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

int VARIANT;

static void *volatile kept __attribute__((used));

namespace
{
struct Hidden {
    explicit Hidden(int first) : value(first)
    {
    }
    int value;
};
} // namespace

namespace hr
{
class Employee
{
  public:
    explicit Employee(int number);
    long id;
    std::string name;

  private:
    void rename();
};

__attribute__((visibility("hidden"), weak)) Employee::Employee(int number) : id(number)
{
    rename();
}

__attribute__((visibility("hidden"), weak)) void Employee::rename()
{
    name = "somebody whose name is longer than a string has room for";
}

template <typename T> struct Pair {
    template <typename U> explicit Pair(U first) : left(first), right(first)
    {
    }
    T left;
    T right;
};
} // namespace hr

static __attribute__((noinline, used)) long use(std::vector<hr::Employee> &staff,
                                                std::map<int, hr::Employee> &by_id,
                                                std::unordered_map<int, long> &counts,
                                                std::list<short> &list, int n)
{
    staff.reserve(static_cast<std::size_t>(n));
    by_id.emplace(n, n);
    counts[n] = 3;
    list.push_back(2);
    auto one = std::make_unique<hr::Employee>(n);
    auto shared = std::make_shared<hr::Employee>(n);
    auto numbers = std::make_unique<int[]>(static_cast<std::size_t>(n));
    auto *hidden = new Hidden(n);
    auto *pair = new hr::Pair<short>(n);
    std::vector<hr::Pair<short> *> pairs(static_cast<std::size_t>(n), pair);

    kept = hidden;
    kept = pair;
    return one->id + shared->id + numbers[0] + pairs[0]->left;
}
