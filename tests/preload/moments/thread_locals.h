/* SPDX-License-Identifier: MIT */
/* thread_locals: objects with destructors in every thread, in the program and in a module. */
#ifndef TESTS_PRELOAD_THREAD_LOCALS_H
#define TESTS_PRELOAD_THREAD_LOCALS_H

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tests/preload/check.h"

/* Allocates in its constructor, when it is used, and in its destructor. */
class Keeper
{
  public:
    Keeper()
    {
        add(10);
    }

    ~Keeper()
    {
        add(10);
        for (std::size_t i = 0; i < texts_.size(); i++) {
            CHECK_AT(texts_[i] == std::string(i % 300, 'k'), i);
        }
        blocks_.reset();
        blocks_ = std::make_unique<char[]>(5000);
    }

    void add(std::size_t count)
    {
        for (std::size_t i = 0; i < count; i++) {
            texts_.push_back(std::string(texts_.size() % 300, 'k'));
        }
        blocks_ = std::make_unique<char[]>(count * 100);
    }

  private:
    std::vector<std::string> texts_;
    std::unique_ptr<char[]> blocks_;
};

#endif
