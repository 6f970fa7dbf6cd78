/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_terminal.h"

#include <ncurses.h>
#include <term.h>
#include <unistd.h>

bool lmm_top_terminal_has_screen(const char *name)
{
    int error = 0;
    bool has_screen;

    if (name == NULL || name[0] == '\0' || setupterm(name, STDOUT_FILENO, &error) != OK) {
        return false;
    }
    has_screen = cursor_address != NULL;
    del_curterm(cur_term);
    return has_screen;
}
