/* SPDX-License-Identifier: MIT */
#include <mems.h>

int main(void)
{
    mems_init();
    int *array = mems_malloc(100);
    int *place = mems_get(array);

    /* What the command line says of the settings reaches the library. */
    if ((uintptr_t) array != MEMS_VADDR_START || place == NULL) {
        return 1;
    }
    *place = 1;
    mems_free(array);
    mems_finish();
    return 0;
}
