/* SPDX-License-Identifier: MIT */
/*
 * way_text: the steps of a way as text, a line for each:
 *   DISTANCE held FROM-TO REGISTER
 *   DISTANCE stored FROM-TO [REGISTER+INDEX*SCALE+OFFSET], of REGISTER before ADDRESS [LOAD] +OFFSET
 *   (or REGISTER returned to ADDRESS)
 *   DISTANCE passed FROM-TO ARGUMENT of FUNCTION
 *   DISTANCE returned FROM-TO
 *   DISTANCE filled FROM-TO +OFFSET = CONSTANT
 * and "inside +ADDED" where it is a pointer to the inside. "*" marks an address that is loaded.
 */
#ifndef LMM_TESTS_WAY_TEXT_H
#define LMM_TESTS_WAY_TEXT_H

#include <stddef.h>
#include <stdio.h>

#include "reporter/program/types/way.h"

void lmm_way_text_put(FILE *out, enum lmm_machine machine, const struct lmm_way_step *steps,
                      size_t count);

#endif
