/* SPDX-License-Identifier: MIT */
/*
 * mems_tour: a walk through MeMS, the memory manager with simulated virtual addresses.
 *
 * It makes ten allocations, writes and reads through the translation, frees and reuses. The
 * statistics in between show how the two chains change; docs/mems.md has drawings. Read the program
 * together with its output.
 */
#include <mems.h>

enum { ARRAYS = 10, LENGTH = 250 };

static void fail(const char *what)
{
    fprintf(stderr, "mems_tour: %s\n", what);
    exit(1);
}

/*
 * A virtual address is only a number: the first is MEMS_VADDR_START, 1000 here, and each array
 * begins where the last one ended. 250 ints are 1000 bytes, so four arrays fit into a page of 4096,
 * and the fifth needs another page: MeMS maps one, a new node of the main chain. The 96 bytes at
 * the end of the first page stay a hole, for something small.
 */
static void allocate(int *arrays[])
{
    for (int i = 0; i < ARRAYS; i++) {
        arrays[i] = mems_malloc(LENGTH * sizeof(int));
        if (arrays[i] == NULL) {
            fail("out of memory");
        }
        printf("array %d: virtual address %zu\n", i, (size_t) arrays[i]);
    }
}

/*
 * &array[1] is only arithmetic, with virtual addresses as with real ones. To reach the memory, we
 * translate the address: by hand, what the processor does in hardware at each access. The physical
 * addresses differ from run to run, so we print none. Inside one array, their distance is always
 * that of the virtual addresses.
 */
static void write_and_read(int *array)
{
    int *second = mems_get(&array[1]);
    const int *first = mems_get(&array[0]);
    if (first == NULL || second == NULL) {
        fail("no translation");
    }
    *second = 200;
    printf("wrote 200 to virtual address %zu\n", (size_t) &array[1]);
    printf("read %d, %td bytes after the start\n", first[1],
           (const char *) second - (const char *) first);
}

/*
 * The array's segment becomes a hole. Its page stays mapped and is not cleared: the next allocation
 * there sees our data. So programs must never rely on the contents of newly allocated memory.
 */
static void release(int *array)
{
    int *second = mems_get(&array[1]);
    if (second == NULL) {
        fail("no translation");
    }
    *second = 77;
    mems_free(array);
    printf("freed virtual address %zu\n", (size_t) array);
}

/*
 * First fit: MeMS walks the main chain from its start, and the sub-chain of each node, and takes
 * the first hole that is long enough. The rest of it becomes a hole right after the allocation.
 */
static void reuse(int *freed)
{
    int *again = mems_malloc(100 * sizeof(int));
    const int *second = again == NULL ? NULL : mems_get(&again[1]);
    if (second == NULL) {
        fail("out of memory");
    }
    printf("400 bytes: virtual address %zu, %s\n", (size_t) again,
           again == freed ? "where the array was" : "somewhere else");
    printf("its second int is still %d\n", *second);
    const char *small = mems_malloc(96);
    printf("96 bytes: virtual address %zu\n", (size_t) small);
}

/*
 * When the neighbours of a hole are freed, too, the holes become one, but never across the border
 * of a node: two nodes that are neighbours in virtual addresses need not be neighbours in memory.
 */
static void merge(int *arrays[])
{
    mems_free(arrays[4]);
    mems_free(arrays[6]);
    mems_free(arrays[5]);
    mems_free(arrays[7]);
    puts("freed the arrays 4, 6, 5 and 7");
}

static void show(const char *situation)
{
    printf("\n%s:\n", situation);
    mems_print_stats();
    puts("");
}

int main(void)
{
    int *arrays[ARRAYS];

    mems_init();
    show("Nothing is mapped before the first allocation");
    allocate(arrays);
    show("Ten arrays of 1000 bytes in three pages");
    write_and_read(arrays[0]);
    release(arrays[1]);
    show("The second array is a hole");
    reuse(arrays[1]);
    show("A smaller one in its place, the rest is a hole after it");
    merge(arrays);
    show("The second node is one hole");
    mems_finish(); /* unmaps everything */
    return 0;
}
