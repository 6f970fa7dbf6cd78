/* SPDX-License-Identifier: MIT */
#include "lib/preload/bare.h"

#include "lib/ground/module.h"
#include "lib/ground/vm.h"

#include <stdint.h>
#include <string.h>

static const char preload_is[] = "LD_PRELOAD=";
static const char options_is[] = "LMM_OPTIONS=";

/* The loader's path of this library; "": unknown. */
static const char *own_path(void)
{
    struct lmm_module_facts own;

    return lmm_module_find((uintptr_t) &own_path, &own) ? own.name : "";
}

/* Whether the item of LD_PRELOAD is this library, which the loader calls own. */
static bool is_own(const char *item, size_t length, const char *own, size_t own_length)
{
    const char *item_name = memrchr(item, '/', length);
    const char *own_name = memrchr(own, '/', own_length);

    /* The item may have no directory, or be a link: only the last parts are compared. */
    item_name = item_name == NULL ? item : item_name + 1;
    own_name = own_name == NULL ? own : own_name + 1;
    length -= (size_t) (item_name - item);
    own_length -= (size_t) (own_name - own);
    return length == own_length && memcmp(item_name, own_name, length) == 0;
}

bool lmm_bare_strip_list(char *list)
{
    const char *own = own_path();
    size_t own_length = strlen(own);
    char *to = list;
    const char *from = list;

    while (*from != '\0') {
        size_t length = strcspn(from, ": ");
        size_t next = length + (from[length] != '\0');
        if (length != 0 && !is_own(from, length, own, own_length)) {
            memmove(to, from, next);
            to += next;
        }
        from += next;
    }
    if (to != list && (to[-1] == ':' || to[-1] == ' ')) {
        to--;
    }
    *to = '\0';
    return to != list;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool lmm_bare_has_lmm(char *const variables[])
{
    const char *own = own_path();
    size_t own_length = strlen(own);

    for (size_t i = 0; variables != NULL && variables[i] != NULL; i++) {
        const char *item = variables[i] + sizeof(preload_is) - 1;

        while (starts_with(variables[i], preload_is) && *item != '\0') {
            size_t length = strcspn(item, ": ");

            if (length != 0 && is_own(item, length, own, own_length)) {
                return true;
            }
            item += length + (item[length] != '\0');
        }
    }
    return false;
}

/* Sets what a copy needs. */
static void measure(char *const variables[], size_t *ret_count, size_t *ret_list_bytes)
{
    size_t count = 0;
    size_t list_bytes = 0;

    for (; variables != NULL && variables[count] != NULL; count++) {
        if (starts_with(variables[count], preload_is)) {
            list_bytes += strlen(variables[count]) + 1;
        }
    }
    *ret_count = count + 1;
    *ret_list_bytes = list_bytes;
}

/* Copies the variables except LMM's. */
static void fill(char *const variables[], char **copy, char *text)
{
    for (size_t i = 0; variables != NULL && variables[i] != NULL; i++) {
        if (starts_with(variables[i], preload_is)) {
            size_t bytes = strlen(variables[i]) + 1;

            memcpy(text, variables[i], bytes);
            if (lmm_bare_strip_list(text + sizeof(preload_is) - 1)) {
                *copy++ = text;
            }
            text += bytes;
        } else if (!starts_with(variables[i], options_is)) {
            *copy++ = variables[i];
        }
    }
    *copy = NULL;
}

char *const *lmm_bare_make(char *const variables[], struct lmm_bare *ret_bare)
{
    char **copy = ret_bare->few;
    char *text = ret_bare->list;
    size_t count;
    size_t list_bytes;

    measure(variables, &count, &list_bytes);
    ret_bare->copy = NULL;
    if (count > LMM_BARE_VARIABLES || list_bytes > sizeof(ret_bare->list)) {
        ret_bare->copy_bytes = count * sizeof(char *) + list_bytes;
        ret_bare->copy = lmm_vm_map(ret_bare->copy_bytes);
        if (ret_bare->copy == NULL) {
            return variables;
        }
        copy = ret_bare->copy;
        text = (char *) ret_bare->copy + count * sizeof(char *);
    }
    fill(variables, copy, text);
    return copy;
}

void lmm_bare_free(struct lmm_bare *bare)
{
    if (bare->copy != NULL) {
        lmm_vm_unmap(bare->copy, bare->copy_bytes);
    }
}
