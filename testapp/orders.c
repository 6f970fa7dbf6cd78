/* SPDX-License-Identifier: MIT */
/*
 * orders: a program that does not use LMM's API, to be run by `lmm run`. It books orders, settles
 * them and frees them, except the orders with the amount 13, which it leaks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct order {
    struct order *next;
    char *customer;
    int amount;
};

static struct order *book_order(struct order *next, const char *customer, int amount)
{
    struct order *order = malloc(sizeof(*order));

    if (order == NULL || (order->customer = strdup(customer)) == NULL) {
        abort();
    }
    order->next = next;
    order->amount = amount;
    return order;
}

static int settle(struct order *order)
{
    int amount = order->amount;

    if (amount != 13) {
        free(order->customer);
        free(order);
    }
    return amount;
}

int main(void)
{
    struct order *book = NULL;
    char customer[32];
    long sum = 0;

    for (int i = 0; i < 20000; i++) {
        snprintf(customer, sizeof(customer), "customer %d", i % 1000);
        book = book_order(book, customer, i % 50);
    }
    while (book != NULL) {
        struct order *next = book->next;
        sum += settle(book);
        book = next;
    }
    printf("%ld\n", sum);
    return 0;
}
