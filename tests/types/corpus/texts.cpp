/* SPDX-License-Identifier: MIT */
/* std::string. */
#include <sstream>
#include <string>

#include "keep.h"

static std::string *global_text;

NOT_INLINED static std::string repeat(std::size_t count)
{
    return std::string(count, 'x'); /* type: char[] */
}

int main()
{
    auto *a = new std::string; /* type: std::...string... */
    auto *b = new std::string(
        "a text that is too long for the small buffer"); /* type: std::...string... | char[] */
    auto *c = new std::wstring;                          /* type: std::...string... */

    for (int i = 0; i < 100; i++) {
        *a += "more "; /* type: char[] */
    }
    c->resize(100); /* type: wchar_t[] */
    /* clang -O3 leaves repeat() by a jump, so that its text is allocated from here. */
    global_text = new std::string(repeat(number(80))); /* type: std::...string... | char[] */
    keep(a), keep(b), keep(c), keep(global_text);
    return 0;
}
