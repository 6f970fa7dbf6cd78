/* SPDX-License-Identifier: MIT */
/*
 * emp_student: the demonstration of the classic Linux Memory Manager, with its original names.
 *
 * It allocates three employees and two students, and frees two employees and a student. The reports
 * show how their pages are split into blocks, and how neighbouring free blocks become one.
 */
#include <stdint.h>
#include <stdio.h>

#include "uapi_mm.h"

typedef struct emp_ {
    char name[32];
    uint32_t emp_id;
} emp_t;

typedef struct student_ {
    char name[32];
    uint32_t rollno;
    uint32_t marks_phys;
    uint32_t marks_chem;
    uint32_t marks_maths;
    struct student_ *next;
} student_t;

static void report(const char *situation)
{
    printf("\n%s\n", situation);
    mm_print_memory_usage(0);
    mm_print_block_usage();
}

int main(void)
{
    mm_init();
    MM_REG_STRUCT(emp_t);
    MM_REG_STRUCT(student_t);
    mm_print_registered_page_families();

    emp_t *emp1 = XCALLOC(1, emp_t);
    student_t *stud1 = XCALLOC(1, student_t);
    emp_t *emp2 = XCALLOC(1, emp_t);
    student_t *stud2 = XCALLOC(1, student_t);
    emp_t *emp3 = XCALLOC(1, emp_t);
    if (emp1 == NULL || emp2 == NULL || emp3 == NULL || stud1 == NULL || stud2 == NULL) {
        fprintf(stderr, "emp_student: out of memory\n");
        return 1;
    }
    report("Three employees and two students:");

    XFREE(emp1);
    XFREE(emp3);
    XFREE(stud2);
    report("The first and third employee and the second student have left:");

    XFREE(emp2);
    XFREE(stud1);
    return 0;
}
