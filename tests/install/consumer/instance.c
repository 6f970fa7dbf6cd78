/* SPDX-License-Identifier: MIT */
/* Uses the instance form of the classic names from the installed header. */
#include <lmm/uapi_mm_instance.h>

typedef struct route {
    unsigned prefix, mask;
} route_t;

int main(void)
{
    mm_init();
    mm_instance_t *instance = mm_init_new_instance();
    MM_REG_STRUCT(instance, route_t);
    route_t *route = XCALLOC(instance, 1, route_t);
    char *packet = XCALLOC_BUFF(0, 100);
    if (route == NULL || route->mask != 0 || packet == NULL || packet[99] != 0) {
        return 1;
    }
    XFREE(route);
    XFREE(packet);
    return 0;
}
