/* SPDX-License-Identifier: MIT */
/* Texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct person {
    char *name;
    char *city;
    long age;
};

NOT_INLINED static char *join(const char *a, const char *b)
{
    char *text = malloc(strlen(a) + strlen(b) + 1); /* type: char[] */

    strcpy(text, a);
    return strcat(text, b);
}

int main(void)
{
    struct person *person = malloc(sizeof(*person)); /* type: struct person */
    char *line = NULL;

    person->name = strdup("somebody");                                       /* type: char[] */
    person->city = strndup("somewhere", 4);                                  /* type: char[] */
    if (asprintf(&line, "%s lives in %s", person->name, person->city) < 0) { /* type: char[] */
        return 1;
    }
    keep(join(person->name, person->city));
    keep(strdup(line)); /* type: char[] */
    keep(person), keep(line);
    return 0;
}
