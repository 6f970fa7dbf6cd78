/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/facts.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/file_code.h"
#include "reporter/program/types/finding.h"
#include "reporter/program/types/generics.h"
#include "reporter/program/types/object_facts.h"
#include "reporter/program/types/source_facts.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/way_facts.h"

enum {
    AT_LLVM_ALLOC_TYPE = 0x3e0e, /* of clang; that of DWARF 6 has no number yet */
    CALL_SITES_MAX = 1 << 16,
};

/* ---- Records of the compiler, and names ------------------------------------------------------ */

/* Returns whether a DIE is a call, and sets *ret_address to where it returns: as DWARF 5 has it, or GNU's extension of
 * DWARF 4. */
static bool call_returns_to(Dwarf_Die *die, Dwarf_Addr *ret_address)
{
    Dwarf_Attribute attribute;
    unsigned name = dwarf_tag(die) == DW_TAG_call_site       ? DW_AT_call_return_pc
                    : dwarf_tag(die) == DW_TAG_GNU_call_site ? DW_AT_low_pc
                                                             : 0;

    return name != 0 && dwarf_formaddr(dwarf_attr(die, name, &attribute), ret_address) == 0;
}

/* Sets *ret_site to the call that returns to the address, among the children of a scope. */
static bool find_call_site(struct lmm_finding *finding, Dwarf_Die *scope, Dwarf_Die *ret_site)
{
    Dwarf_Die die;
    int budget = CALL_SITES_MAX;

    if (dwarf_child(scope, &die) != 0) {
        return false;
    }
    do {
        Dwarf_Addr address;

        if (call_returns_to(&die, &address) && address == finding->address + finding->bias) {
            *ret_site = die;
            return true;
        }
    } while (--budget > 0 && dwarf_siblingof(&die, &die) == 0);
    return false;
}

static void look_at_record(struct lmm_finding *finding)
{
    for (size_t i = finding->scope_count; i-- > 0;) {
        Dwarf_Die site;
        Dwarf_Die type;
        Dwarf_Attribute attribute;

        if (find_call_site(finding, &finding->scopes[i], &site)) {
            if (dwarf_formref_die(dwarf_attr(&site, AT_LLVM_ALLOC_TYPE, &attribute), &type) !=
                NULL) {
                lmm_finding_add(finding, &type, LMM_MODEL_BY_RECORD,
                                (struct lmm_candidate) {.is_array = true});
            }
            return;
        }
    }
}

static void look_at_names(struct lmm_finding *finding)
{
    for (size_t i = finding->scope_count; i-- > 0;) {
        Dwarf_Die type;
        bool is_array;

        if (lmm_generics_of(&finding->scopes[i], &type, &is_array)) {
            lmm_finding_add(finding, &type, LMM_MODEL_BY_NAME,
                            (struct lmm_candidate) {.is_array = is_array});
            return;
        }
        if (lmm_generics_is_own(&finding->scopes[i])) {
            return; /* it allocates for itself, also where it is inlined */
        }
    }
}

/* ---- The way of the result ------------------------------------------------------------------- */

/* A `know` of lmm_way_follow(); context: the code of the file. */
static enum lmm_way_callee know(void *context, uint64_t target, bool is_loaded)
{
    static const char *const first[] = {
        "memset",       "memcpy",       "memmove",       "strcpy",       "strncpy",      "strcat",
        "__memset_chk", "__memcpy_chk", "__memmove_chk", "__strcpy_chk", "__strncpy_chk"};
    static const char *const ends[] = {
        "abort",          "exit",       "_exit", "__assert_fail", "__stack_chk_fail",
        "_Unwind_Resume", "__cxa_throw"};
    struct lmm_file_code *code = context;
    const char *name =
        is_loaded ? lmm_file_code_slot(code, target) : lmm_file_code_name(code, target);

    for (size_t i = 0; name != NULL && i < sizeof(first) / sizeof(first[0]); i++) {
        if (strcmp(name, first[i]) == 0) {
            return LMM_WAY_CALLEE_RETURNS_FIRST;
        }
    }
    for (size_t i = 0; name != NULL && i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(name, ends[i]) == 0) {
            return LMM_WAY_CALLEE_ENDS;
        }
    }
    return name != NULL && strcmp(name, "__tls_get_addr") == 0 ? LMM_WAY_CALLEE_THREAD
                                                               : LMM_WAY_CALLEE_ANY;
}

/* Returns how an allocator gives the block, as for lmm_way_follow(); output: how it does if it is one of
 * the program's own. */
static int output_of(const char *allocator, int output)
{
    return allocator != NULL && strcmp(allocator, "posix_memalign") == 0 ? 0 : output;
}

/* Returns the code of the function that makes the call. The call may be its last instruction, so the address
 * before is looked up. */
static struct lmm_code code_of(const struct lmm_facts_reader *reader, uint64_t address)
{
    return lmm_file_code_of_function(reader->code, address - 1);
}

static void follow(struct lmm_finding *finding)
{
    struct lmm_code code = code_of(finding->reader, finding->address);

    if (code.machine != LMM_MACHINE_NONE) {
        finding->step_count =
            lmm_way_follow(finding->reader->follower, &code, finding->address, finding->output,
                           know, finding->reader->code, finding->steps);
    }
}

static void list_variables(struct lmm_finding *finding)
{
    uint64_t low = finding->address;
    uint64_t high = finding->address + 1;

    for (size_t i = 0; i < finding->step_count; i++) {
        const struct lmm_way_step *step = &finding->steps[i];

        low = step->from < low ? step->from : low;
        low = step->has_before && step->before.at < low ? step->before.at : low;
        high = step->to > high ? step->to : high;
    }
    finding->failed |=
        !lmm_variables_list(finding->scopes, finding->scope_count, low + finding->bias,
                            high + finding->bias, &finding->variables);
}

/* ---- Earlier calls --------------------------------------------------------------------------- */

static void open_debug(struct lmm_finding *finding);
static void look(struct lmm_finding *finding);

/* Sets *ret_type to what the function that an earlier call is to says that it returns a pointer to. */
static bool find_declared(struct lmm_finding *finding, Dwarf_Die *ret_type)
{
    for (size_t i = finding->scope_count; i-- > 0;) {
        Dwarf_Die site;
        Dwarf_Die function;
        Dwarf_Die type;
        Dwarf_Attribute attribute;

        if (find_call_site(finding, &finding->scopes[i], &site)) {
            return dwarf_formref_die(dwarf_attr(&site, DW_AT_call_origin, &attribute), &function) !=
                       NULL &&
                   lmm_type_of(&function, &type) && lmm_type_target(&type, ret_type);
        }
    }
    return false;
}

/* Returns whether all that is known of a call says one type. */
static bool is_one_type(const struct lmm_facts *facts)
{
    unsigned evidence = 0;

    for (size_t i = 0; i < facts->count; i++) {
        if (facts->items[i].type != facts->items[0].type || facts->items[i].is_inside) {
            return false;
        }
        evidence |= facts->items[i].evidence;
    }
    return (evidence & ~(unsigned) (LMM_MODEL_BY_ARGUMENT | LMM_MODEL_BY_SIZE)) != 0;
}

static bool look_at_earlier(const struct lmm_finding *finding, uint64_t address,
                            Dwarf_Die *ret_type)
{
    struct lmm_finding *earlier = calloc(1, sizeof(*earlier));
    bool is_found = false;

    if (earlier == NULL) {
        return false;
    }
    earlier->reader = finding->reader;
    earlier->address = address;
    earlier->allocator = lmm_file_code_callee(finding->reader->code, address);
    earlier->output = output_of(earlier->allocator, LMM_WAY_RESULT);
    open_debug(earlier);
    if (find_declared(earlier, ret_type)) {
        is_found = true;
    } else if (earlier->scope_count > 0) {
        look(earlier);
        is_found = is_one_type(&earlier->facts);
        *ret_type = is_found ? earlier->first : *ret_type;
    }
    free(earlier->facts.items);
    free(earlier);
    return is_found;
}

/* A `find_result`. */
static bool find_result(struct lmm_finding *finding, uint64_t address, Dwarf_Die *ret_type)
{
    if (finding->earlier.address != address) {
        finding->earlier.address = address;
        finding->earlier.is_found = look_at_earlier(finding, address, &finding->earlier.type);
    }
    *ret_type = finding->earlier.type;
    return finding->earlier.is_found;
}

/* ---- All ------------------------------------------------------------------------------------- */

static void look(struct lmm_finding *finding)
{
    follow(finding);
    look_at_record(finding);
    look_at_names(finding);
    list_variables(finding);
    lmm_object_facts_find(finding);
    lmm_way_facts_find(finding);
    lmm_source_facts_find(finding);
    lmm_variables_free(&finding->variables);
}

bool lmm_facts_returns(const struct lmm_facts_reader *reader, uint64_t address,
                       const char *allocator, int output)
{
    struct lmm_code code = code_of(reader, address);

    return code.machine != LMM_MACHINE_NONE &&
           lmm_way_returns(reader->follower, &code, address, output_of(allocator, output), know,
                           reader->code);
}

/* Opens the debug information. */
static void open_debug(struct lmm_finding *finding)
{
    const struct lmm_facts_reader *reader = finding->reader;

    if (!reader->is_brief) {
        finding->scope_count =
            lmm_symbol_file_scopes(reader->file, finding->address - 1, finding->scopes);
        finding->dwarf = lmm_symbol_file_dwarf(reader->file, &finding->bias);
        finding->cfi = lmm_symbol_file_cfi(reader->file, &finding->cfi_bias);
    }
}

bool lmm_facts_find(const struct lmm_facts_reader *reader, uint64_t address, const char *allocator,
                    int output, struct lmm_facts *ret_facts)
{
    struct lmm_finding *finding = calloc(1, sizeof(*finding));

    if (finding == NULL) {
        return false;
    }
    finding->reader = reader;
    finding->address = address;
    finding->allocator = allocator;
    finding->output = output_of(allocator, output);
    finding->find_result = find_result;
    open_debug(finding);
    finding->facts.has_debug = finding->scope_count > 0;
    if (finding->scope_count > 0) {
        look(finding);
    } else {
        finding->facts.returns = lmm_facts_returns(reader, address, allocator, output);
        finding->facts.is_generic = finding->facts.returns;
    }
    bool done = !finding->failed;

    *ret_facts = finding->facts;
    free(finding);
    return done;
}
