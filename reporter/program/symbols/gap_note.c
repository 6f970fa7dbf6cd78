/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/gap_note.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/symbols/package.h"
#include "reporter/program/symbols/symbols.h"

static struct lmm_gap_note note_of(struct lmm_string path, bool is_absent)
{
    struct lmm_gap_note note = {
        .path = path,
        .reason = is_absent ? "no debug information" : "the file is missing",
        .is_absent = is_absent,
    };
    char *package = is_absent ? lmm_package_find(LMM_PACKAGE_LISTS, path.text) : NULL;

    if (package != NULL && asprintf(&note.package, "%s-dbgsym", package) < 0) {
        note.package = NULL;
    }
    free(package);
    return note;
}

size_t lmm_gap_notes_find(const struct lmm_symbols *symbols, size_t most,
                          struct lmm_gap_note ret_notes[LMM_GAP_NOTES_MAX])
{
    struct lmm_symbols_gap gaps[LMM_GAP_NOTES_MAX];

    most = most < LMM_GAP_NOTES_MAX ? most : (size_t) LMM_GAP_NOTES_MAX;
    size_t count = symbols == NULL ? 0 : lmm_symbols_gaps(symbols, gaps, most);

    assert(count <= most);
    for (size_t i = 0; i < count; i++) {
        ret_notes[i] = note_of(gaps[i].path, gaps[i].is_absent);
    }
    return count;
}

void lmm_gap_notes_free(struct lmm_gap_note *notes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(notes[i].package);
    }
}

char *lmm_gap_note_text(const struct lmm_gap_note *note)
{
    struct lmm_string file = lmm_model_last_component(note->path);
    const char *help = note->package != NULL ? note->package : "compile it with -g";
    char *text = NULL;
    int length = !note->is_absent
                     ? asprintf(&text, "%.*s: %s", (int) file.bytes, file.text, note->reason)
                     : asprintf(&text, "%.*s: %s (%s%s)", (int) file.bytes, file.text, note->reason,
                                help, note->package != NULL ? " has it" : "");

    return length < 0 ? NULL : text;
}

char *lmm_gap_note_of_module(const struct lmm_model *model, struct lmm_string name, bool is_absent)
{
    struct lmm_gap_note note = {.path = name};

    for (uint32_t i = 0; i < model->module_count && note.reason == NULL; i++) {
        struct lmm_string path = model->modules[i].path;

        if (lmm_compare_strings(lmm_model_last_component(path), name) == 0) {
            note = note_of(path, is_absent);
        }
    }
    if (note.reason == NULL) { /* no such module: its path cannot be asked for */
        note = note_of(name, false);
        note.reason = is_absent ? "no debug information" : note.reason;
    }
    char *text = lmm_gap_note_text(&note);

    lmm_gap_notes_free(&note, 1);
    return text;
}

size_t lmm_gap_notes_texts(const struct lmm_symbols *symbols, size_t most,
                           char *ret_texts[LMM_GAP_NOTES_MAX])
{
    struct lmm_gap_note notes[LMM_GAP_NOTES_MAX];
    size_t count = lmm_gap_notes_find(symbols, most, notes);
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        ret_texts[made] = lmm_gap_note_text(&notes[i]);
        made += ret_texts[made] != NULL;
    }
    lmm_gap_notes_free(notes, count);
    return made;
}
