/* SPDX-License-Identifier: MIT */
/* Structs of C, whose layouts test_layout.c looks at. For each struct NAME that has a better order, struct
 * NAME_best has its fields in that order. Each variant of this file defines a variable that is
 * called like the variant. */
#include <stdbool.h>
#include <stdint.h>

#define USED static __attribute__((used))

int VARIANT;

#define KEEP(name) USED struct name v_##name

struct tight {
    void *next;
    int count;
    short flags;
    char kind;
    bool is_open;
};
KEEP(tight);

struct packet {
    char kind;
    void *data;
    char flags;
    long length;
    int port;
};
KEEP(packet);
struct packet_best {
    void *data;
    long length;
    int port;
    char kind;
    char flags;
};
KEEP(packet_best);

struct end_padding { /* which no order removes */
    long key;
    char kind;
};
KEEP(end_padding);

struct flexible {
    char kind;
    long count;
    char flags;
    int items[];
};
KEEP(flexible);
struct flexible_best {
    long count;
    char kind;
    char flags;
    int items[];
};
KEEP(flexible_best);

struct old_tail {
    char kind;
    long count;
    char flags;
    char name[1];
};
KEEP(old_tail);
struct old_tail_best {
    long count;
    char kind;
    char flags;
    char name[1];
};
KEEP(old_tail_best);

struct bits {
    unsigned low : 3;
    unsigned middle : 20;
    void *data;
    unsigned high : 12;
    bool is_open : 1;
    long count;
};
KEEP(bits);
struct bits_best {
    void *data;
    long count;
    unsigned low : 3;
    unsigned middle : 20;
    unsigned high : 12;
    bool is_open : 1;
};
KEEP(bits_best);

struct long_bits {
    char kind;
    long first : 1;
    long second : 60;
    long third : 8;
    char last;
};
KEEP(long_bits);
struct long_bits_best {
    long first : 1;
    long second : 60;
    long third : 8;
    char kind;
    char last;
};
KEEP(long_bits_best);

struct nested {
    char kind;
    struct packet packet;
    short port;
    union {
        double number;
        char text[11];
    };
    char flags;
};
KEEP(nested);
struct nested_best {
    struct packet packet;
    union {
        double number;
        char text[11];
    };
    short port;
    char kind;
    char flags;
};
KEEP(nested_best);

struct numbers {
    char kind;
    long double precise;
    char flags;
    float _Complex pair;
    char last;
    __int128 large;
};
KEEP(numbers);
struct numbers_best {
    long double precise;
    __int128 large;
    float _Complex pair;
    char kind;
    char flags;
    char last;
};
KEEP(numbers_best);

struct arrays {
    char name[3];
    long keys[2];
    char text[5];
    void (*call)(int);
    char last[1][3];
};
KEEP(arrays);
struct arrays_best {
    long keys[2];
    void (*call)(int);
    char name[3];
    char text[5];
    char last[1][3];
};
KEEP(arrays_best);

struct packed {
    char kind;
    long key;
    char flags;
} __attribute__((packed));
KEEP(packed);

struct holds_packed {
    char kind;
    struct packed packed;
    char flags;
};
KEEP(holds_packed);

struct aligned {
    char kind;
    long key;
    char flags;
} __attribute__((aligned(64)));
KEEP(aligned);

struct aligned_field {
    char kind;
    _Alignas(16) long key;
    char flags;
};
KEEP(aligned_field);

struct aligned_whole { /* its size is what it would be without alignment */
    char kind;
    long key;
    char flags;
    long more[5];
} __attribute__((aligned(64)));
KEEP(aligned_whole);

struct unnamed_bits { /* debug information does not have all of its fields */
    int first : 3;
    int : 0;
    int second : 5;
    char kind;
    long key;
    char flags;
};
KEEP(unnamed_bits);

struct empty_array {
    char kind;
    int none[0];
    long key;
    char flags;
};
KEEP(empty_array);
struct empty_array_best {
    long key;
    int none[0];
    char kind;
    char flags;
};
KEEP(empty_array_best);
