/* SPDX-License-Identifier: MIT */
/* Classes with virtual functions, several bases, and factories. */
#include <memory>
#include <vector>

#include "keep.h"

class drawable
{
  public:
    virtual ~drawable()
    {
    }
    virtual int draw() const
    {
        return 0;
    }
};

class clickable
{
  public:
    virtual ~clickable()
    {
    }
    virtual int click() const
    {
        return 0;
    }
    long clicks = 0;
};

class button : public drawable, public clickable
{
  public:
    int draw() const override
    {
        return 1;
    }
    int click() const override
    {
        return 2;
    }
    char label[24] = {};
};

class check_box : public button
{
  public:
    int draw() const override
    {
        return 3;
    }
    bool is_checked = false;
};

class virtual_base
{
  public:
    virtual ~virtual_base()
    {
    }
    int v = 1;
};

class diamond_left : public virtual virtual_base
{
  public:
    int l = 2;
};

class diamond : public diamond_left
{
  public:
    int d = 3;
};

class factory
{
  public:
    virtual ~factory()
    {
    }
    virtual drawable *make() const = 0;
};

class button_factory : public factory
{
  public:
    drawable *make() const override
    {
        return new button; /* type: button */
    }
};

class box_factory : public factory
{
  public:
    drawable *make() const override
    {
        return new check_box; /* type: check_box */
    }
};

int main()
{
    clickable *a = new button;     /* type: button */
    drawable *b = new check_box;   /* type: check_box */
    virtual_base *c = new diamond; /* type: diamond */
    std::unique_ptr<factory> factories[2];
    auto *all = new std::vector<drawable *>; /* type: std::vector<drawable...> */

    factories[number(0)] = std::make_unique<button_factory>(); /* type: button_factory */
    factories[number(1)] = std::make_unique<box_factory>();    /* type: box_factory */
    for (const auto &f : factories) {
        all->push_back(f->make()); /* type: drawable *[] */
    }
    keep(a), keep(b), keep(c), keep(all), keep(factories[0].release()),
        keep(factories[1].release());
    return 0;
}
