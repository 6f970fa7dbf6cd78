/* SPDX-License-Identifier: MIT */
/*
 * weak: memory as processors with weak order have it (AArch64), for models of a few words.
 *
 * A thread's stores wait in its buffer, and reach memory, where all threads see them at once, in any order
 * but two: stores to one word keep theirs, and a release store comes after all that its thread did before.
 * A thread sees its own stores at once. Loads are in the order in which a model makes them; a model of loads
 * without acquire order makes them in every order.
 */
#define ROOM 4

typedef buffer {
    byte word[ROOM];
    byte value[ROOM];
    bool is_release[ROOM];
    byte count
};

byte memory[WORDS];
buffer stores[THREADS];

inline store(thread, at, what, release)
{
    d_step {
        stores[thread].word[stores[thread].count] = at;
        stores[thread].value[stores[thread].count] = what;
        stores[thread].is_release[stores[thread].count] = release;
        stores[thread].count++
    }
}

/* A release fence is a full barrier on AArch64 (dmb ish): the stores before it have reached memory. */
inline fence_release(thread)
{
    stores[thread].count == 0
}

inline remove(thread, i)
{
    do
    :: i + 1 < stores[thread].count ->
        stores[thread].word[i] = stores[thread].word[i + 1];
        stores[thread].value[i] = stores[thread].value[i + 1];
        stores[thread].is_release[i] = stores[thread].is_release[i + 1];
        i++
    :: else -> break
    od;
    stores[thread].count--;
    stores[thread].word[stores[thread].count] = 0;
    stores[thread].value[stores[thread].count] = 0;
    stores[thread].is_release[stores[thread].count] = false;
    i = 0
}

/* Whether store number i may go to memory before the earlier ones. */
#define GOES_FIRST(thread, i)                                                                       \
    (i < stores[thread].count &&                                                                    \
     (i == 0 || (!stores[thread].is_release[i] &&                                                   \
                 stores[thread].word[0] != stores[thread].word[i] &&                                \
                 (i < 2 || stores[thread].word[1] != stores[thread].word[i]) &&                     \
                 (i < 3 || stores[thread].word[2] != stores[thread].word[i]))))

/* One for each thread: takes its stores to memory. */
proctype drain(byte thread)
{
    byte i;

end:
    do
    :: atomic { GOES_FIRST(thread, 0) -> i = 0; memory[stores[thread].word[i]] = stores[thread].value[i]; remove(thread, i) }
    :: atomic { GOES_FIRST(thread, 1) -> i = 1; memory[stores[thread].word[i]] = stores[thread].value[i]; remove(thread, i) }
    :: atomic { GOES_FIRST(thread, 2) -> i = 2; memory[stores[thread].word[i]] = stores[thread].value[i]; remove(thread, i) }
    :: atomic { GOES_FIRST(thread, 3) -> i = 3; memory[stores[thread].word[i]] = stores[thread].value[i]; remove(thread, i) }
    od
}
