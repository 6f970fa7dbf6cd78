/* SPDX-License-Identifier: MIT */
/* A file whose debug information has a struct that is only declared, and no other one. */
struct nowhere;

struct nowhere *v_nowhere;
