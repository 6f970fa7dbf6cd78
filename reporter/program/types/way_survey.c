/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_survey.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/way_flow.h"
#include "reporter/program/types/way_memory.h"

enum {
    INSTRUCTIONS_MAX = 2000, /* of the code */
    LOOPS_MAX = 128,
    ORIGINS_HIGH = LMM_WAY_ORIGINS / 2, /* more than an instruction adds must be left */
    STATEMENT = 12,                     /* instructions */
    JOINS_MAX = 256,                    /* addresses that are jumped to from before */
};

/* Code from `head` to `end`, where a jump back to its head starts. */
struct loop {
    uint64_t head;
    uint64_t end;
    uint32_t written; /* bits of registers */
    uint32_t spoilt;  /* those that are not only moved on, by `moves` */
    uint16_t moves[LMM_WAY_REGISTERS];
};

/* What an instruction writes: bits of registers, and of one of them the number that it adds. */
struct effect {
    uint64_t at;
    uint32_t written;
    int moved; /* the register, or NONE */
    uint16_t by;
};

/* What registers hold where a jump from before leads. */
struct join {
    uint64_t at;
    bool is_stack_known;
    struct lmm_way_value values[LMM_WAY_REGISTERS];
};

struct lmm_way_survey {
    struct lmm_way way;
    struct lmm_way_decoder *decoder;
    struct loop loops[LOOPS_MAX];
    size_t loop_count;
    struct join joins[JOINS_MAX];
    size_t join_count;
    size_t instruction_count;
    bool has_table;      /* of jumps: code is reached in ways that are not known */
    bool is_stack_known; /* sp is that of the start and a number, else of another place */
    uint64_t call;       /* the instruction */
    struct effect effects[INSTRUCTIONS_MAX];
};

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

static void forget_all(struct lmm_way_survey *survey)
{
    struct lmm_way_path *path = survey->way.path;

    memset(path, 0, sizeof(*path));
    path->values[survey->way.machine->stack] = (struct lmm_way_value) {.kind = LMM_WAY_FRAME};
    survey->is_stack_known = false;
}

/* Does the next instruction of the code, in the order of addresses. */
static bool step(struct lmm_way_survey *survey, uint64_t at)
{
    struct lmm_way *way = &survey->way;

    way->path->at = at;
    way->written = 0;
    way->has_jump = false;
    way->is_ended = false;
    return lmm_way_decoder_step(survey->decoder, way);
}

/* ---- Loops ------------------------------------------------------------------------------------ */

/* Returns what the current instruction does to registers, of which nothing was known before it. */
static struct effect effect_of(const struct lmm_way_survey *survey)
{
    const struct lmm_way *way = &survey->way;
    struct effect effect = {.at = way->at, .written = way->written, .moved = LMM_REGISTER_NONE};

    for (int reg = 0; reg < LMM_WAY_REGISTERS; reg++) {
        struct lmm_way_value value = way->path->values[reg];
        const struct lmm_way_origin *origin = &way->origins[value.origin];
        uint64_t by = value.number < 0 ? 0 - (uint64_t) value.number : (uint64_t) value.number;

        if ((way->written >> reg & 1) != 0 && value.kind == LMM_WAY_ORIGIN && value.scale == 0 &&
            origin->reg == reg && origin->at == way->at && origin->load_count == 0 && by > 0 &&
            by <= UINT16_MAX) {
            effect.moved = reg;
            effect.by = (uint16_t) by;
        }
    }
    return effect;
}

/* Lists the instructions and the jumps back. Returns false when there are too many, or one cannot be
 * decoded before `address`. */
static bool list_loops(struct lmm_way_survey *survey, uint64_t address)
{
    struct lmm_way *way = &survey->way;
    const struct lmm_code *code = way->code;
    uint64_t at = code->address;

    while (at - code->address < code->count) {
        way->origin_count = 0;
        forget_all(survey);
        if (survey->instruction_count == INSTRUCTIONS_MAX || !step(survey, at)) {
            return survey->instruction_count < INSTRUCTIONS_MAX && at >= address;
        }
        survey->effects[survey->instruction_count++] = effect_of(survey);
        survey->has_table = survey->has_table || way->is_lost;
        if (way->has_jump && way->jump <= at) {
            if (survey->loop_count == LOOPS_MAX) {
                return false;
            }
            survey->loops[survey->loop_count++] = (struct loop) {.head = way->jump, .end = at};
        }
        at = way->next;
    }
    return true;
}

/* Extends each loop by those whose heads lie in it: their code is part of its cycle. */
static void extend_loops(struct lmm_way_survey *survey)
{
    bool is_changed = true;

    while (is_changed) {
        is_changed = false;
        for (size_t i = 0; i < survey->loop_count; i++) {
            struct loop *loop = &survey->loops[i];

            for (size_t k = 0; k < survey->loop_count; k++) {
                const struct loop *other = &survey->loops[k];

                if (other->head >= loop->head && other->head <= loop->end &&
                    other->end > loop->end) {
                    loop->end = other->end;
                    is_changed = true;
                }
            }
        }
    }
}

/* Notes what an instruction of a loop writes. A register that is only moved on, always by the same
 * number, is not spoilt. */
static void note_effect(struct loop *loop, const struct effect *effect)
{
    uint32_t spoilt = effect->written;

    if (effect->moved != LMM_REGISTER_NONE) {
        uint16_t *by = &loop->moves[effect->moved];

        if (*by == 0 || *by == effect->by) {
            spoilt &= ~(UINT32_C(1) << effect->moved);
        }
        *by = effect->by;
    }
    loop->written |= effect->written;
    loop->spoilt |= spoilt;
}

static void note_written(struct lmm_way_survey *survey)
{
    for (size_t i = 0; i < survey->loop_count; i++) {
        struct loop *loop = &survey->loops[i];

        for (size_t k = 0; k < survey->instruction_count; k++) {
            const struct effect *effect = &survey->effects[k];

            if (effect->at >= loop->head && effect->at <= loop->end) {
                note_effect(loop, effect);
            }
        }
    }
}

/* Returns what a register holds in a loop that writes it: what it held before, and a multiple of the
 * number that each turn adds, or nothing that is known. */
static struct lmm_way_value in_loop(const struct loop *loop, int reg, struct lmm_way_value value)
{
    if ((loop->spoilt >> reg & 1) != 0) {
        return nothing;
    }
    return lmm_way_sum(lmm_way_multiple(loop->moves[reg]), value);
}

/* Forgets what the loop that starts at an address writes: of the frame, all may be. */
static void enter_loops(struct lmm_way_survey *survey, uint64_t at)
{
    const struct lmm_way_machine *machine = survey->way.machine;
    struct lmm_way_value *values = survey->way.path->values;

    for (size_t i = 0; i < survey->loop_count; i++) {
        const struct loop *loop = &survey->loops[i];

        if (loop->head == at) {
            memset(survey->way.path->slots, 0, sizeof(survey->way.path->slots));
        }
        for (int reg = 0; loop->head == at && reg < LMM_WAY_REGISTERS; reg++) {
            if (reg != machine->stack && (loop->written >> reg & 1) != 0) {
                values[reg] = in_loop(loop, reg, values[reg]);
            }
        }
    }
}

/* ---- Joins ------------------------------------------------------------------------------------ */

static struct join *find_join(struct lmm_way_survey *survey, uint64_t at)
{
    for (size_t i = 0; i < survey->join_count; i++) {
        if (survey->joins[i].at == at) {
            return &survey->joins[i];
        }
    }
    return NULL;
}

/* Keeps in `values` what is the same in both. Where sp is not known, as in code for exceptions, it
 * is taken for that of the others. */
static void meet(struct lmm_way_value *values, bool *is_known, const struct lmm_way_value *others,
                 bool is_other_known, int stack)
{
    struct lmm_way_value sp = *is_known ? values[stack] : others[stack];
    bool is_same = !*is_known || !is_other_known || lmm_way_is_same(sp, others[stack]);

    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        if (!lmm_way_is_same(values[i], others[i])) {
            values[i] = nothing;
        }
    }
    values[stack] = is_same ? sp : nothing;
    *is_known = *is_known || is_other_known;
}

/* Notes what registers hold when the current instruction jumps. */
static bool leave(struct lmm_way_survey *survey)
{
    const struct lmm_way *way = &survey->way;
    struct join *join = find_join(survey, way->jump);

    if (!way->has_jump || way->jump <= way->at) {
        return true;
    }
    if (join != NULL) {
        meet(join->values, &join->is_stack_known, way->path->values, survey->is_stack_known,
             way->machine->stack);
        return true;
    }
    if (survey->join_count == JOINS_MAX) {
        return false;
    }
    join = &survey->joins[survey->join_count++];
    join->at = way->jump;
    join->is_stack_known = survey->is_stack_known;
    memcpy(join->values, way->path->values, sizeof(join->values));
    return true;
}

static void mark_origin(const struct lmm_way_value *value, uint16_t *numbers)
{
    if (value->kind == LMM_WAY_ORIGIN) {
        numbers[value->origin] = 1;
    }
}

static void number_origin(struct lmm_way_value *value, const uint16_t *numbers)
{
    if (value->kind == LMM_WAY_ORIGIN) {
        value->origin = numbers[value->origin];
    }
}

/* Makes room for origins: forgets those that no register, and no word of the frame, has any more. */
static void drop_origins(struct lmm_way_survey *survey)
{
    struct lmm_way *way = &survey->way;
    uint16_t numbers[LMM_WAY_ORIGINS] = {0};
    size_t count = 0;

    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        mark_origin(&way->path->values[i], numbers);
        for (size_t k = 0; k < survey->join_count; k++) {
            mark_origin(&survey->joins[k].values[i], numbers);
        }
    }
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        mark_origin(&way->path->slots[i].value, numbers);
    }
    for (size_t i = 0; i < way->origin_count; i++) {
        if (numbers[i] != 0) {
            way->origins[count] = way->origins[i];
            numbers[i] = (uint16_t) count++;
        }
    }
    way->origin_count = count;
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        number_origin(&way->path->values[i], numbers);
        for (size_t k = 0; k < survey->join_count; k++) {
            number_origin(&survey->joins[k].values[i], numbers);
        }
    }
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        number_origin(&way->path->slots[i].value, numbers);
    }
    for (int i = LMM_WAY_REGISTERS; i < LMM_WAY_VALUES; i++) {
        way->path->values[i] = nothing;
    }
}

/* Comes to an address, from the instruction before it or not. Returns false when sp differs. */
static bool arrive(struct lmm_way_survey *survey, uint64_t at, bool follows)
{
    struct lmm_way_path *path = survey->way.path;
    const struct join *join = find_join(survey, at);

    if (!follows) {
        forget_all(survey);
    }
    if (join != NULL && follows) {
        meet(path->values, &survey->is_stack_known, join->values, join->is_stack_known,
             survey->way.machine->stack);
    } else if (join != NULL) {
        memcpy(path->values, join->values, sizeof(join->values));
        survey->is_stack_known = join->is_stack_known;
    }
    if (join != NULL) {
        memset(path->slots, 0, sizeof(path->slots));
    }
    enter_loops(survey, at);
    return path->values[survey->way.machine->stack].kind == LMM_WAY_FRAME;
}

/* Returns the number of the first instruction that is not before an address. */
static size_t number_of(const struct lmm_way_survey *survey, uint64_t address)
{
    size_t i = 0;

    while (i < survey->instruction_count && survey->effects[i].at < address) {
        i++;
    }
    return i;
}

/* Returns where to start: at the start of the code, or, if it has a table of jumps, so near that what
 * is found is of the statement of the call. */
static uint64_t choose_start(const struct lmm_way_survey *survey, uint64_t address)
{
    size_t i = number_of(survey, address);

    return survey->effects[survey->has_table && i > STATEMENT ? i - STATEMENT : 0].at;
}

/* Follows the code up to an address, and to before the instruction at `last`. Returns false when what
 * registers hold there is not known. */
static bool reach(struct lmm_way_survey *survey, uint64_t address, uint64_t last)
{
    struct lmm_way *way = &survey->way;
    uint64_t at = choose_start(survey, address);
    bool follows = true;

    way->origin_count = 0;
    forget_all(survey);
    survey->is_stack_known = at == way->code->address;
    while (at < address) {
        if (way->origin_count >= ORIGINS_HIGH) {
            drop_origins(survey);
        }
        if (!arrive(survey, at, follows)) {
            return false;
        }
        if (at == last) {
            return true;
        }
        if (!step(survey, at) || !leave(survey)) {
            return false;
        }
        follows = !way->is_ended;
        at = way->next;
    }
    return at == address && follows;
}

/* ---- All -------------------------------------------------------------------------------------- */

static bool look(struct lmm_way_survey *survey, uint64_t address, enum lmm_way_survey_end end)
{
    if (!list_loops(survey, address)) {
        return false;
    }
    extend_loops(survey);
    note_written(survey);
    size_t count = number_of(survey, address);

    survey->call = count > 0 ? survey->effects[count - 1].at : address;
    return reach(survey, address, end == LMM_WAY_SURVEY_TO_CALL ? survey->call : address);
}

struct lmm_way_survey *lmm_way_survey_open(const struct lmm_way *way, uint64_t address,
                                           enum lmm_way_survey_end end,
                                           struct lmm_way_decoder *decoder)
{
    struct lmm_way_survey *survey = calloc(1, sizeof(*survey));

    if (survey == NULL) {
        return NULL;
    }
    survey->decoder = decoder;
    survey->way.code = way->code;
    survey->way.machine = way->machine;
    survey->way.know = way->know;
    survey->way.context = way->context;
    survey->way.is_survey = true;
    survey->way.path = &survey->way.paths[0];
    if (!look(survey, address, end)) {
        free(survey);
        return NULL;
    }
    return survey;
}

void lmm_way_survey_close(struct lmm_way_survey *survey)
{
    free(survey);
}

struct lmm_way *lmm_way_survey_way(struct lmm_way_survey *survey)
{
    return &survey->way;
}

uint64_t lmm_way_survey_call(const struct lmm_way_survey *survey)
{
    return survey->call;
}

/* Sets *ret_origin to that of the value which was stored in a word of the frame. */
static bool find_stored(const struct lmm_way *way, int reg, int64_t offset,
                        struct lmm_way_origin *ret_origin)
{
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        const struct lmm_way_slot *slot = &way->path->slots[i];
        struct lmm_way_value place = {.kind = LMM_WAY_FRAME, .is_pointer = slot->is_pointer};
        struct lmm_way_origin at;

        place.number = slot->offset;
        if (slot->value.kind == LMM_WAY_ORIGIN && lmm_way_origin_of(way, place, &at) &&
            at.reg == reg && at.offset == offset) {
            return lmm_way_origin_of(way, slot->value, ret_origin);
        }
    }
    return false;
}

bool lmm_way_survey_spilled(struct lmm_way_survey *survey, const struct lmm_way_origin *origin,
                            struct lmm_way_origin *ret_origin)
{
    struct lmm_way_origin rest = *origin;
    struct lmm_way_origin stored;

    if (origin->load_count == 0 || origin->loads[0].scale != 0 ||
        !find_stored(&survey->way, origin->reg, origin->loads[0].offset, &stored)) {
        return false;
    }
    rest.load_count--;
    memmove(rest.loads, rest.loads + 1, rest.load_count * sizeof(rest.loads[0]));
    if (!lmm_way_origin_put_first(&rest, &stored)) {
        return false;
    }
    *ret_origin = rest;
    return true;
}

bool lmm_way_survey_keeps(const struct lmm_way_survey *survey, int reg, uint64_t from)
{
    for (size_t i = number_of(survey, from);
         i < survey->instruction_count && survey->effects[i].at < survey->call; i++) {
        if ((survey->effects[i].written >> reg & 1) != 0) {
            return false;
        }
    }
    return true;
}
