/* SPDX-License-Identifier: MIT */
/* Structs of C, whose leaves test_leaves.c looks at. Each variant of this file defines a variable that is
 * called like the variant. */
#include <stdbool.h>

#define USED static __attribute__((used))

int VARIANT;

#define KEEP(name) USED struct name v_##name

enum colour { RED, GREEN };
enum depth { LOW = -1, HIGH };

struct numbers {
    long wide;
    unsigned short narrow;
    bool flag;
    char letter;
    unsigned char byte;
    enum colour colour;
    enum depth depth;
    double ratio;
    long double longest;
    void *pointer;
    int (*call)(void);
};
KEEP(numbers);

struct point {
    int x;
    int y;
};

struct box {
    struct point from;
    struct {
        struct point to;
        short z;
    };
    union {
        long number;
        char *text;
    } value;
    struct point corners[2];
    char name[12];
    short grid[2][3];
};
KEEP(box);

struct bits {
    unsigned low : 3;
    int high : 5;
    long far : 40;
    int count;
    struct {
        unsigned inner : 2;
    } deep;
    char tail[];
};
KEEP(bits);

struct deep1 {
    struct {
        struct {
            struct {
                struct {
                    struct {
                        int last;
                    } e;
                } d;
            } c;
        } b;
    } a;
};
KEEP(deep1);

struct __attribute__((packed)) packed {
    char kind;
    long key;
};
KEEP(packed);

struct holes {
    char kind;
    void *data;
    int port;
    long sent[3];
    char last;
};
KEEP(holes);

struct list {
    long count;
    char kind;
    int items[];
};
KEEP(list);
