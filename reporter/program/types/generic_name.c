/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/generic_name.h"

#include <ctype.h>
#include <string.h>

enum {
    COMPONENTS_MAX = 32,
};

static struct lmm_name_part part_of(const char *start, const char *end)
{
    return (struct lmm_name_part) {start, (size_t) (end - start)};
}

static struct lmm_name_part trim(struct lmm_name_part text)
{
    while (text.count > 0 && text.bytes[0] == ' ') {
        text = part_of(text.bytes + 1, text.bytes + text.count);
    }
    while (text.count > 0 && text.bytes[text.count - 1] == ' ') {
        text.count--;
    }
    return text;
}

bool lmm_generic_path_add(char path[LMM_GENERIC_PATH_MAX], const char *component, size_t bytes)
{
    const char *angle = memchr(component, '<', bytes);
    size_t count = angle != NULL ? (size_t) (angle - component) : bytes;
    const char *tag = memmem(component, count, "[abi:", 5);

    count = tag != NULL ? (size_t) (tag - component) : count;
    size_t used = strlen(path);
    size_t colons = used > 0 ? 2 : 0;

    if (count >= 5 && memcmp(component, "{impl", 5) == 0) {
        return true;
    }
    if (used + colons + count >= LMM_GENERIC_PATH_MAX) {
        return false;
    }
    memcpy(path + used, "::", colons);
    memcpy(path + used + colons, component, count);
    path[used + colons + count] = '\0';
    return true;
}

/* ---- What stands around the name of a function ----------------------------------------------- */

/* Takes what follows the parameters off a name: "const", "[clone .cold]". */
static struct lmm_name_part drop_suffixes(struct lmm_name_part text)
{
    static const char *const words[] = {" const", " volatile", " &", " &&"};
    bool has_dropped;

    do {
        text = trim(text);
        has_dropped = false;
        if (text.count > 0 && text.bytes[text.count - 1] == ']') {
            const char *open = memrchr(text.bytes, '[', text.count);

            has_dropped = open != NULL && open > text.bytes && open[-1] == ' ';
            text.count = has_dropped ? (size_t) (open - text.bytes) : text.count;
        }
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !has_dropped; i++) {
            size_t bytes = strlen(words[i]);

            if (text.count > bytes &&
                memcmp(text.bytes + text.count - bytes, words[i], bytes) == 0) {
                text.count -= bytes;
                has_dropped = true;
            }
        }
    } while (has_dropped);
    return text;
}

/* Takes the list of parameters off the end of a name; returns whether there is one. */
static bool drop_parameters(struct lmm_name_part *text)
{
    int depth = 0;

    if (text->count == 0 || text->bytes[text->count - 1] != ')') {
        return false;
    }
    for (size_t i = text->count; i > 0; i--) {
        depth += (text->bytes[i - 1] == ')') - (text->bytes[i - 1] == '(');
        if (depth == 0) {
            text->count = i - 1;
            return i > 1;
        }
    }
    return false;
}

/* Returns how a byte changes the depth of brackets; the '>' of "->" is no bracket. */
static int step(const char *start, const char *at)
{
    switch (*at) {
    case '<':
    case '(':
    case '[':
    case '{': return 1;
    case '>': return at > start && at[-1] == '-' ? 0 : -1;
    case ')':
    case ']':
    case '}': return -1;
    default: return 0;
    }
}

/* Takes the type of the result off the start: what is before the last blank outside of
 * brackets. */
static struct lmm_name_part drop_result(struct lmm_name_part text)
{
    const char *end = text.bytes + text.count;
    const char *start = text.bytes;
    int depth = 0;

    for (const char *at = text.bytes; at < end; at++) {
        depth += step(text.bytes, at);
        if (depth == 0 && *at == ' ') {
            start = at + 1;
        }
    }
    return part_of(start, end);
}

/* ---- Components ------------------------------------------------------------------------------ */

/* Returns the end of the component that starts at a text: a "::" outside of brackets, or the end;
 * NULL: brackets do not match. */
static const char *component_end(struct lmm_name_part text)
{
    const char *end = text.bytes + text.count;
    int depth = 0;

    for (const char *at = text.bytes; at < end; at++) {
        depth += step(text.bytes, at);
        if (depth < 0) {
            return NULL;
        }
        if (depth == 0 && end - at >= 2 && at[0] == ':' && at[1] == ':') {
            return at;
        }
    }
    return depth == 0 ? end : NULL;
}

/* Divides a text into components; returns their number, 0: it is not understood. */
static size_t divide(struct lmm_name_part text, struct lmm_name_part *components)
{
    const char *end = text.bytes + text.count;
    size_t count = 0;

    while (count < COMPONENTS_MAX) {
        const char *stop = component_end(text);

        if (stop == NULL || stop == text.bytes) {
            return 0;
        }
        components[count++] = part_of(text.bytes, stop);
        if (stop == end) {
            return count;
        }
        text = part_of(stop + 2, end);
    }
    return 0;
}

/* Returns what is inside of the angle brackets at the end of a component, or nothing. */
static struct lmm_name_part arguments_of(struct lmm_name_part component)
{
    const char *open = memchr(component.bytes, '<', component.count);

    if (open == NULL || component.bytes[component.count - 1] != '>') {
        return part_of(component.bytes, component.bytes);
    }
    return part_of(open + 1, component.bytes + component.count - 1);
}

/* Returns the first of some arguments: up to a comma outside of brackets. */
static struct lmm_name_part first_of(struct lmm_name_part arguments)
{
    int depth = 0;

    for (size_t i = 0; i < arguments.count; i++) {
        depth += step(arguments.bytes, arguments.bytes + i);
        if (depth == 0 && arguments.bytes[i] == ',') {
            arguments.count = i;
        }
    }
    return trim(arguments);
}

/* Returns the type in "<T>" and "<T as Trait>", a component of Rust; or nothing. */
static struct lmm_name_part implementor(struct lmm_name_part component)
{
    struct lmm_name_part inner = arguments_of(component);
    int depth = 0;

    if (component.bytes[0] != '<') {
        inner.count = 0;
    }
    for (size_t i = 0; i + 4 < inner.count; i++) {
        depth += step(inner.bytes, inner.bytes + i);
        if (depth == 0 && memcmp(inner.bytes + i, " as ", 4) == 0) {
            inner.count = i;
        }
    }
    return inner;
}

/* Replaces "<T>" at the start by the components of T; leaves room for the others. Returns the new
 * number, 0: it is not understood. */
static size_t unfold(struct lmm_name_part *components, size_t count)
{
    struct lmm_name_part inner = implementor(components[0]);
    struct lmm_name_part unfolded[COMPONENTS_MAX];
    size_t parts = inner.count == 0 ? 0 : divide(inner, unfolded);

    if (inner.count == 0) {
        return components[0].bytes[0] == '<' ? 0 : count;
    }
    if (parts == 0 || parts + count - 1 > COMPONENTS_MAX) {
        return 0;
    }
    memmove(components + parts, components + 1, (count - 1) * sizeof(components[0]));
    memcpy(components, unfolded, parts * sizeof(components[0]));
    return parts + count - 1;
}

/* Drops Rust's "::<T>", which is a component of its own, and returns its arguments, or nothing. */
static struct lmm_name_part take_turbofish(struct lmm_name_part *components, size_t *count)
{
    struct lmm_name_part last = components[*count - 1];

    if (*count > 1 && last.bytes[0] == '<') {
        --*count;
        return arguments_of(last);
    }
    return arguments_of(last);
}

bool lmm_generic_name_parse(const char *name, struct lmm_generic_name *ret_parts)
{
    struct lmm_name_part text = drop_suffixes(part_of(name, name + strlen(name)));
    struct lmm_generic_name parts = {.has_parameters = drop_parameters(&text)};
    struct lmm_name_part components[COMPONENTS_MAX];

    if (parts.has_parameters) {
        text = drop_result(text);
    }
    size_t count = text.count == 0 ? 0 : divide(text, components);

    if (count == 0) {
        return false;
    }
    const char *end = components[count > 1 ? count - 2 : 0].bytes;

    parts.class_name = count > 1 ? part_of(text.bytes, end + components[count - 2].count)
                                 : part_of(text.bytes, text.bytes);
    parts.argument = first_of(take_turbofish(components, &count));
    count = unfold(components, count);
    if (count == 0) {
        return false;
    }
    parts.class_argument =
        count > 1 ? first_of(arguments_of(components[count - 2])) : part_of(text.bytes, text.bytes);
    for (size_t i = 0; i < count; i++) {
        if (!lmm_generic_path_add(parts.path, components[i].bytes, components[i].count)) {
            return false;
        }
    }
    *ret_parts = parts;
    return true;
}
