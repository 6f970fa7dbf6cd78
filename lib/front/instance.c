/* SPDX-License-Identifier: MIT */
/*
 * instance: the instance form of the classic names (uapi_mm_instance.h). An instance is a prefix:
 * its families are called "mm1/emp_t", and those of the default instance (NULL) as in uapi_mm.h. So
 * its books are those of all families, in every report.
 *
 * Invariants (tests/classic/test_instance.c): I1 no two instances have the same number; numbers
 * begin at 1, so none is that of the default instance. I2 the families of an instance are those
 * whose names begin with its prefix.
 * Locks: none of its own; any thread. Not responsible for: allocation, and what reports look like
 * (classic).
 */
#include <lmm/uapi_mm_instance.h>

#include "lib/ground/base.h"
#include "lib/ground/meta.h"
#include "lib/ground/sync.h"
#include "lib/pages/family.h"
#include "lib/heaps/start.h"
#include "lib/front/classic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    PREFIX_MAX = 15,  /* "mm4294967295/" fits */
    BUFFER_UNIT = 16, /* buffers are arrays of units of this size and alignment, in bytes */
    NAME_ROOM = LMM_NAME_MAX + 2, /* a name that is one byte too long, and a NUL */
};

struct mm_instance_ {
    char prefix[PREFIX_MAX + 1]; /* immutable */
    char misc_name[PREFIX_MAX + 8];
    struct lmm_family *misc; /* atomic; NULL until the first buffer */
};

static struct mm_instance_ default_instance = {.prefix = "", .misc_name = "Misc"};

static uint32_t instance_count; /* atomic */

static struct mm_instance_ *or_default(struct mm_instance_ *instance)
{
    return instance == NULL ? &default_instance : instance;
}

struct mm_instance_ *lmm_instance_new(void)
{
    struct mm_instance_ *instance = lmm_start() ? lmm_meta_zalloc(sizeof(*instance)) : NULL;

    if (instance == NULL) {
        return NULL;
    }
    uint32_t number = lmm_fetch_add_relaxed(&instance_count, 1) + 1;
    snprintf(instance->prefix, sizeof(instance->prefix), "mm%u/", number);
    snprintf(instance->misc_name, sizeof(instance->misc_name), "%sMisc", instance->prefix);
    return instance;
}

/* ---- Families -------------------------------------------------------------------------------- */

/* The name of the family that the instance knows as label. Returns name; NULL for NULL. A name that
 * is too long stays so, and is refused where it is registered. */
static const char *full_name(const struct mm_instance_ *instance, const char *label,
                             char name[NAME_ROOM])
{
    if (label == NULL) {
        return NULL;
    }
    size_t prefix_bytes = strlen(instance->prefix);
    size_t label_bytes = strnlen(label, NAME_ROOM - 1 - prefix_bytes);
    memcpy(name, instance->prefix, prefix_bytes);
    memcpy(name + prefix_bytes, label, label_bytes);
    name[prefix_bytes + label_bytes] = '\0';
    return name;
}

void lmm_instance_register(struct mm_instance_ *instance, const char *label, size_t size,
                           size_t align)
{
    char name[NAME_ROOM];

    lmm_classic_register_as(full_name(or_default(instance), label, name), label, size, align);
}

static struct lmm_family *find(struct mm_instance_ *instance, const char *label)
{
    char name[NAME_ROOM];

    return lmm_classic_find(full_name(or_default(instance), label, name), label);
}

static struct lmm_family *misc_of(struct mm_instance_ *instance)
{
    struct lmm_family *misc = lmm_load_acquire(&instance->misc);

    if (misc == NULL) {
        misc = lmm_family_register(instance->misc_name, BUFFER_UNIT, BUFFER_UNIT);
        lmm_store_release(&instance->misc, misc);
    }
    return misc;
}

/* ---- Allocating ------------------------------------------------------------------------------ */

void *lmm_instance_calloc(struct mm_instance_ *instance, const char *label, size_t units)
{
    struct lmm_family *family = find(instance, label);

    return family == NULL ? NULL : lmm_calloc(family, units);
}

/* Counts the block at the place. If LMM cannot allocate a record for the place, the block is
 * unattributed. */
static void *calloc_at_place(const struct lmm_instance_site *site, const char *name,
                             struct lmm_family *family, size_t units)
{
    struct lmm_site place = site->site;

    place.type = name;
    place.size_bytes = family->size;
    place.align_bytes = family->align;
    struct lmm_site *record = lmm_place_site(site->places, &place);
    return record == NULL ? lmm_calloc(family, units) : lmm_site_calloc(record, units);
}

void *lmm_instance_calloc_at(struct mm_instance_ *instance, struct lmm_instance_site *site,
                             size_t units)
{
    if (instance == NULL) {
        return lmm_classic_calloc_at(&site->site, units);
    }
    struct lmm_family *family = find(instance, site->site.type);
    return family == NULL ? NULL : calloc_at_place(site, family->name, family, units);
}

/* False with errno EINVAL for no bytes. */
static bool units_of(size_t bytes, size_t *ret_units)
{
    *ret_units = bytes / BUFFER_UNIT + (bytes % BUFFER_UNIT != 0);
    if (bytes == 0) {
        errno = EINVAL;
    }
    return bytes != 0;
}

void *lmm_instance_buffer(struct mm_instance_ *instance, size_t bytes)
{
    struct lmm_family *misc = misc_of(or_default(instance));
    size_t units;

    return misc != NULL && units_of(bytes, &units) ? lmm_calloc(misc, units) : NULL;
}

void *lmm_instance_buffer_at(struct mm_instance_ *instance, struct lmm_instance_site *site,
                             size_t bytes)
{
    struct mm_instance_ *own = or_default(instance);
    struct lmm_family *misc = misc_of(own);
    size_t units;

    return misc != NULL && units_of(bytes, &units)
               ? calloc_at_place(site, own->misc_name, misc, units)
               : NULL;
}

/* ---- Reports --------------------------------------------------------------------------------- */

static const char *label_in_instance(const struct lmm_family *family, const void *arg)
{
    const struct mm_instance_ *instance = arg;
    size_t prefix_bytes = strlen(instance->prefix);

    return family != lmm_load_acquire(&instance->misc) &&
                   strncmp(family->name, instance->prefix, prefix_bytes) == 0
               ? family->name + prefix_bytes
               : NULL;
}

static bool has_prefix_of_an_instance(const char *name)
{
    uint32_t number = 0;

    if (strncmp(name, "mm", 2) != 0 || name[2] == '0') {
        return false;
    }
    for (name += 2; *name >= '0' && *name <= '9' && number <= UINT32_MAX / 10 - 1; name++) {
        number = number * 10 + (uint32_t) (*name - '0');
    }
    return *name == '/' && number != 0 && number <= lmm_load_relaxed(&instance_count);
}

/* The default instance has all families that no other instance has, also those of lmm.h. */
static const char *label_in_default(const struct lmm_family *family, const void *arg)
{
    const struct mm_instance_ *instance = arg;

    return family == lmm_load_acquire(&instance->misc) || has_prefix_of_an_instance(family->name)
               ? NULL
               : family->name;
}

static struct lmm_classic_scope scope_of(struct mm_instance_ *instance)
{
    return (struct lmm_classic_scope) {
        .label = instance == NULL ? label_in_default : label_in_instance,
        .arg = or_default(instance),
    };
}

void lmm_instance_print_families(struct mm_instance_ *instance)
{
    struct lmm_classic_scope scope = scope_of(instance);

    lmm_classic_print_families_in(&scope);
}

void lmm_instance_print_memory(struct mm_instance_ *instance, const char *label)
{
    struct lmm_classic_scope scope = scope_of(instance);
    struct lmm_family *family = NULL;

    if (label == NULL || (family = find(instance, label)) != NULL) {
        lmm_classic_print_memory_in(&scope, family);
    }
}

void lmm_instance_print_blocks(struct mm_instance_ *instance)
{
    struct lmm_classic_scope scope = scope_of(instance);

    lmm_classic_print_blocks_in(&scope);
}

void lmm_instance_print_buffers(struct mm_instance_ *instance)
{
    lmm_classic_print_counts("Misc", lmm_load_acquire(&or_default(instance)->misc));
}
