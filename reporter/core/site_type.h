/* SPDX-License-Identifier: MIT */
/*
 * site_type: what reports say of the type of a site's blocks (struct lmm_model_type). A type is
 * known when it is likely or certain; a guess is shown in JSON alone, and never counted as a type.
 * Stateless.
 */
#ifndef LMM_REPORTER_SITE_TYPE_H
#define LMM_REPORTER_SITE_TYPE_H

#include <stdbool.h>

#include "reporter/core/model.h"

struct lmm_json;

/*
 * Sets *ret_type to the type of a site, or of a row of sites that have one type. A program that
 * registers its types has certain ones: those of the sites' families. Returns false when the type
 * was not looked for, or the row has several: then *ret_type says that it is unknown.
 */
bool lmm_site_type(const struct lmm_model *model, const struct lmm_model_site *site,
                   struct lmm_model_type *ret_type);

/* Returns whether a type is likely or certain. */
bool lmm_site_type_is_known(const struct lmm_model_type *type);

/* Returns why a type is not known; LMM_MODEL_TYPE_FOUND: it is. */
enum lmm_model_type_gap lmm_site_type_gap(const struct lmm_model_type *type);

/* Returns what the module lacks of which a type is not known: "no debug information"; NULL: nothing,
 * the type is unknown for another reason. */
const char *lmm_site_type_lack(const struct lmm_model_type *type);

/* Returns the name of a site's type; empty: it is not known. */
struct lmm_string lmm_site_type_name(const struct lmm_model *model,
                                     const struct lmm_model_site *site);

/* Returns a type's name without "struct ", "union ", "enum " or "class " before it. */
struct lmm_string lmm_site_type_bare(struct lmm_string name);

/* Returns a type's name without the namespaces and classes around it: "item<a::b>" of "shop::item<a::b>". */
struct lmm_string lmm_site_type_last(struct lmm_string name);

/* Returns the type of sites that have one of two types: if those have one name, the less certain of
 * them; NULL: they differ, or are not known for the same reason. Both may be NULL. */
const struct lmm_model_type *lmm_site_type_common(const struct lmm_model_type *a,
                                                  const struct lmm_model_type *b);

/* Compares two types for the rows of a report: known ones by name, before the others by reason. */
int lmm_site_type_compare(const struct lmm_model_type *a, const struct lmm_model_type *b);

/* Return the words of documents: "likely", and "file missing" or "" for none. */
const char *lmm_site_type_confidence_word(enum lmm_model_confidence confidence);
const char *lmm_site_type_gap_word(enum lmm_model_type_gap gap);

/* Adds the array of the words for evidence, a set of enum lmm_model_evidence. */
void lmm_json_evidence(struct lmm_json *json, const char *key, unsigned evidence);

/* Adds the object "type" of a site, or null when lmm_site_type() knows nothing of it; and of a row
 * of a type "lines" and "largest_at", the line with most live bytes. */
void lmm_json_type(struct lmm_json *json, const struct lmm_model *model,
                   const struct lmm_model_site *site);

#endif
