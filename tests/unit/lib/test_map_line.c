/* SPDX-License-Identifier: MIT */
/* map_line: lines as the kernel writes them, and damaged ones. */
#include "lib/ground/map_line.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *text;
    uintptr_t from;
    uintptr_t to; /* 0: it is no line */
    const char *access;
    uint64_t offset;
    uint64_t device;
    uint64_t inode;
    const char *name;
} lines[] = {
    {"1000-3000 r-xp 00002000 fe:01 4711    /usr/lib/libc.so.6", 0x1000, 0x3000, "r-xp", 0x2000,
     UINT64_C(0xfe) << 32 | 1, 4711, "/usr/lib/libc.so.6"},
    {"1000-3000 rw-s 00000000 00:05 9 /a b (deleted)", 0x1000, 0x3000, "rw-s", 0, 5, 9,
     "/a b (deleted)"},
    {"7f0000000000-7fffffffffff rw-p 00000000 00:00 0 ", 0x7f0000000000, 0x7fffffffffff, "rw-p", 0,
     0, 0, ""},
    {"1000-3000 rw-p 00000000 00:00 0", 0x1000, 0x3000, "rw-p", 0, 0, 0, ""},
    {"1000-3000 r--p ", 0x1000, 0x3000, "r--p", 0, 0, 0, ""},
    {"1000-3000 r--p zz fe:xx q /name", 0x1000, 0x3000, "r--p", 0, 0, 0, "/name"},
    {"1000-3000 r--p 0", 0x1000, 0x3000, "r--p", 0, 0, 0, ""},
    {"1000-3000 r--p", 0, 0, "", 0, 0, 0, ""},
    {"1000-3000", 0, 0, "", 0, 0, 0, ""},
    {"1000 3000 r--p 0 0:0 0", 0, 0, "", 0, 0, 0, ""},
    {"VmFlags: rd wr mr mw me ac", 0, 0, "", 0, 0, 0, ""},
    {"11111111111111111-22222222222222222 r--p 0 0:0 0", 0, 0, "", 0, 0, 0, ""},
    {"", 0, 0, "", 0, 0, 0, ""},
};

Test(map_line, lines)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct lmm_map_line line = {.from = 77};
        const char *text = lines[i].text;
        bool is_line = lmm_map_line_parse(text, text + strlen(text), &line);
        cr_assert(is_line == (lines[i].to != 0), "%s", text);
        if (!is_line) {
            cr_expect(line.from == 77, "untouched on failure");
            continue;
        }
        cr_expect(line.from == lines[i].from && line.to == lines[i].to, "%s", text);
        cr_expect(memcmp(line.access, lines[i].access, 4) == 0, "%s", text);
        cr_expect(line.offset == lines[i].offset && line.device == lines[i].device, "%s", text);
        cr_expect(line.inode == lines[i].inode, "%s", text);
        cr_expect(line.name_length == strlen(lines[i].name) &&
                      memcmp(line.name, lines[i].name, line.name_length) == 0,
                  "%s", text);
    }
}
