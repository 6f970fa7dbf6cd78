/* SPDX-License-Identifier: MIT */
/* Derived classes behind pointers to their bases. */
#include "keep.h"

struct base {
    int kind = 0;
};

struct left : base {
    long a = 1;
};

struct right : base {
    long b[4] = {};
};

struct other {
    long x = 5;
};

struct both : left, other {
    long c = 2;
};

class shape
{
  public:
    virtual ~shape() = default;
    virtual double area() const = 0;
};

class circle : public shape
{
  public:
    explicit circle(double radius) : radius_(radius)
    {
    }
    double area() const override
    {
        return 3 * radius_ * radius_;
    }

  private:
    double radius_;
};

class square : public shape
{
  public:
    NOT_INLINED explicit square(double side);
    double area() const override
    {
        return side_ * side_;
    }

  private:
    double side_;
    shape *inner_;
};

square::square(double side) : side_(side), inner_(new circle(side)) /* type: circle */
{
}

NOT_INLINED static base *make(int kind)
{
    if (kind == 0) {
        return new left; /* type: left */
    }
    return new right; /* type: right */
}

NOT_INLINED static shape *make_shape(int kind)
{
    return kind == 0 ? static_cast<shape *>(new circle(2)) /* type: circle */
                     : new square(3);                      /* type: square */
}

int main()
{
    base *a = new left;               /* type: left */
    base *b = new right;              /* type: right */
    other *c = new both;              /* type: both */
    shape *d = new circle(number(1)); /* type: circle */
    shape *e = new square(1);         /* type: square */
    shape *shapes[2];

    shapes[0] = new circle(4); /* type: circle */
    shapes[1] = make_shape((int) number(0));
    keep(make((int) number(0))), keep(make((int) number(1))), keep(make_shape((int) number(1)));
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(shapes);
    return 0;
}
