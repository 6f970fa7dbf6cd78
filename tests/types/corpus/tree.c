/* SPDX-License-Identifier: MIT */
/* A small program: a tree of words, and a queue. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct word {
    char *text;
    unsigned count;
    struct word *left, *right;
};

struct visit {
    struct word *word;
    struct visit *next;
};

struct visits {
    struct visit *first, **end;
};

static struct word *insert(struct word *tree, const char *text)
{
    if (tree == NULL) {
        tree = malloc(sizeof(struct word)); /* type: struct word */
        if (tree == NULL) {
            return NULL;
        }
        tree->text = strdup(text); /* type: char[] */
        tree->count = 1;
        tree->left = tree->right = NULL;
        return tree;
    }
    int order = strcmp(text, tree->text);

    if (order < 0) {
        tree->left = insert(tree->left, text);
    } else if (order > 0) {
        tree->right = insert(tree->right, text);
    } else {
        tree->count++;
    }
    return tree;
}

static void visit(struct visits *visits, struct word *tree)
{
    if (tree != NULL) {
        visit(visits, tree->left);
        *visits->end = calloc(1, sizeof(struct visit)); /* type: struct visit */
        (*visits->end)->word = tree;
        visits->end = &(*visits->end)->next;
        visit(visits, tree->right);
    }
}

int main(void)
{
    static const char *const texts[] = {"the",   "quick", "brown", "fox",
                                        "jumps", "over",  "the",   "dog"};
    struct word *tree = NULL;
    struct visits *visits = malloc(sizeof *visits); /* type: struct visits */

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tree = insert(tree, texts[i]);
    }
    visits->first = NULL;
    visits->end = &visits->first;
    visit(visits, tree);
    keep(tree), keep(visits);
    return 0;
}
