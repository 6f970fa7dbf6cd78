/* SPDX-License-Identifier: MIT */
/* Arguments and results of threads. */
#include <pthread.h>
#include <stdlib.h>

#include "keep.h"

struct order {
    int first, last;
    long sum;
};

struct answer {
    long sum;
    int count, state;
    double mean;
};

static void *work(void *argument)
{
    struct order *order = argument;
    struct answer *answer = malloc(sizeof(struct answer)); /* type: struct answer */

    answer->sum = order->last - order->first;
    answer->count = 1;
    return answer;
}

int main(void)
{
    pthread_t threads[3];

    for (int i = 0; i < 3; i++) {
        struct order *order = malloc(sizeof(*order)); /* type: struct order */

        order->first = i;
        order->last = i * i;
        if (pthread_create(&threads[i], NULL, work, order) != 0) { /* type: none */
            return 1;
        }
        keep(order);
    }
    for (int i = 0; i < 3; i++) {
        void *answer;

        pthread_join(threads[i], &answer);
        keep(answer);
    }
    return 0;
}
