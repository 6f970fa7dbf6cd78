/* SPDX-License-Identifier: MIT */
/* Types of C, whose debug information test_type_info.c looks at. Each variant of this file defines
 * a variable that is called like the variant. */
#include <stdbool.h>
#include <stdint.h>

#define USED static __attribute__((used))

int VARIANT;

struct redisObject {
    unsigned type : 4;
    unsigned encoding : 28;
    int refcount;
    void *ptr;
};
typedef struct redisObject robj;
typedef robj robj_again;

struct node {
    struct node *next;
    long value;
};

typedef struct {
    int x;
    int y;
} point;

typedef union cell {
    double number;
    void *pointer;
    struct node node;
} cell_t;

typedef char *sds;
typedef uint8_t byte;
enum kind { KIND_A, KIND_B };
typedef void (*handler)(int, char);
typedef int (*compare)(const void *, const void *);

struct tail {
    int count;
    short items[];
};

struct old_tail {
    long count;
    struct node items[1];
};

struct holds_tail {
    long first;
    struct tail tail;
};

struct fixed {
    int count;
    char text[4];
};

struct mixed {
    struct node head;
    point points[3];
    cell_t cell;
    struct {
        short small;
        robj *object;
    } inner;
    struct node *table[2];
};

struct session; /* only declared */

/* Only declared here: test_type_info.c defines both, and own_dwarf.c another one of the second name. */
struct elsewhere;
struct differing;
struct later;
USED struct later *v_later;
struct later {
    struct mixed first;
    char rest[8];
};

USED robj v_robj;
USED struct redisObject v_struct_of_robj;
USED robj_again v_again;
USED const volatile robj v_qualified;
USED struct node v_node;
USED struct node *v_node_pointer;
USED const struct node *const *v_node_pointers;
USED point v_point;
USED point *v_point_pointer;
USED cell_t v_cell;
USED union cell *v_cell_pointer;
USED sds v_sds;
USED byte v_byte;
USED char v_char;
USED signed char v_signed_char;
USED bool v_bool;
USED unsigned long v_unsigned_long;
USED long long v_long_long;
USED unsigned short v_unsigned_short;
USED double v_double;
USED enum kind v_kind;
USED handler v_handler;
USED compare v_compare;
USED char v_text[16];
USED struct node *v_table[4];
USED int v_grid[2][3];
USED int (*v_row)[3];
USED void *v_void_pointer;
USED struct tail v_tail;
USED struct old_tail v_old_tail;
USED struct holds_tail v_holds_tail;
USED struct fixed v_fixed;
USED struct mixed v_mixed;
USED struct session *v_session;
USED struct elsewhere *v_elsewhere;
USED struct differing *v_differing;
USED struct {
    int a;
} v_unnamed;
