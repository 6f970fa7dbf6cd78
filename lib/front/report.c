/* SPDX-License-Identifier: MIT */
#include "lib/front/report.h"

#include "lib/pages/family.h"
#include "lib/books/accounts.h"
#include "lib/books/checks.h"
#include "lib/ground/libc.h"
#include "lib/ground/options.h"
#include "lib/ground/streams.h"
#include "lib/ground/system.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/leaks/registers.h"
#include "lib/ground/vm.h"
#include "lib/front/leaks.h"
#include "lib/front/walk.h"

#include "reporter/core/json.h"
#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

/* A new thread adds rows to the ledger without reserving memory here; so there is some for
 * thousands of threads, touched only when there are as many. */
enum { THREADS_BYTES = 256 << 10 };

struct scratch {
    void *memory;
    size_t bytes;
};

/* Under REPORT, which nobody holds while a report is rendered: writing may wait for a reader, which
 * may be this process. A report takes the memory out, and another one meanwhile maps its own. */
static struct scratch spare;

/* Families + sites for which the spare memory is known to suffice; atomic, written under REPORT. */
static uint32_t covered;

static bool scratch_grow(struct scratch *scratch, size_t needed)
{
    if (needed <= scratch->bytes) {
        return true;
    }
    size_t bytes = lmm_round_up(2 * needed, LMM_SYSTEM_PAGE_BYTES);
    void *memory = lmm_vm_map(bytes);
    if (memory == NULL) {
        bytes = lmm_round_up(needed, LMM_SYSTEM_PAGE_BYTES);
        memory = lmm_vm_map(bytes);
    }
    if (memory == NULL) {
        return false;
    }
    if (scratch->memory != NULL) {
        lmm_vm_unmap(scratch->memory, scratch->bytes);
    }
    scratch->memory = memory;
    scratch->bytes = bytes;
    return true;
}

static struct scratch scratch_take(void)
{
    lmm_lock_acquire(&lmm_report_lock);
    struct scratch scratch = spare;
    spare = (struct scratch) {0};
    lmm_store_relaxed(&covered, (uint32_t) 0);
    lmm_lock_release(&lmm_report_lock);
    return scratch;
}

/* Keeps the larger one of it and the spare one. */
static void scratch_give(struct scratch scratch)
{
    lmm_lock_acquire(&lmm_report_lock);
    if (scratch.bytes > spare.bytes) {
        struct scratch smaller = spare;
        spare = scratch;
        scratch = smaller;
    }
    lmm_lock_release(&lmm_report_lock);
    if (scratch.memory != NULL) {
        lmm_vm_unmap(scratch.memory, scratch.bytes);
    }
}

static size_t model_bytes(void)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    size_t bytes = lmm_model_bytes(&view);
    lmm_lock_release(&lmm_chunks_lock);
    return bytes;
}

void lmm_report_reserve(void)
{
    uint32_t count = lmm_accounts_family_count() + lmm_accounts_site_count();

    if (count <= lmm_load_relaxed(&covered)) {
        return;
    }
    lmm_lock_acquire(&lmm_report_lock);
    size_t bytes = model_bytes() + THREADS_BYTES;
    if (scratch_grow(&spare, bytes)) {
        /* With twice as much memory the next families and sites are covered, too. */
        lmm_store_relaxed(&covered, bytes * 2 <= spare.bytes ? count + count / 2 : count);
    }
    lmm_lock_release(&lmm_report_lock);
}

/* Builds the model in the scratch memory; 0 or -errno. */
static int build_model(struct scratch *scratch, struct lmm_model **ret_model)
{
    int result = -ENOSPC;

    for (int tries = 0; tries < 4 && result == -ENOSPC; tries++) {
        if (!scratch_grow(scratch, model_bytes())) {
            return -ENOMEM;
        }
        lmm_lock_acquire(&lmm_chunks_lock);
        struct lmm_ledger_view view = lmm_chunks_view();
        result = lmm_model_build(&view, scratch->memory, scratch->bytes, ret_model);
        if (result == 0 && (*ret_model)->process == LMM_MODEL_LOST) {
            (*ret_model)->process = LMM_MODEL_RUNNING; /* the file is lost; these books go on */
        }
        lmm_lock_release(&lmm_chunks_lock);
    }
    return result;
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* A negative descriptor: nowhere. */
static int write_to_descriptor(void *context, const char *data, size_t bytes)
{
    int descriptor = *(const int *) context;

    while (bytes != 0 && descriptor >= 0) {
        ssize_t written = lmm_system_write(descriptor, data, bytes);
        if (written < 0 && written != -EINTR) {
            return (int) written;
        }
        data += written < 0 ? 0 : written;
        bytes -= written < 0 ? 0 : (size_t) written;
    }
    return 0;
}

static int write_to_stream(void *context, const char *data, size_t bytes)
{
    return fwrite(data, 1, bytes, context) == bytes ? 0 : -EIO;
}

/* Where a report goes: to the stream's descriptor, without its buffer, which may need memory; or,
 * when the stream has no descriptor, to the stream. */
struct target {
    struct lmm_sink sink;
    int descriptor;
};

static void open_target(struct target *target, FILE *stream)
{
    stream = stream == NULL ? stdout : stream;
    fflush(stream);
    target->descriptor = fileno(stream);
    if (target->descriptor >= 0) {
        lmm_sink_init(&target->sink, write_to_descriptor, &target->descriptor);
    } else {
        lmm_sink_init(&target->sink, write_to_stream, stream);
    }
}

static int finish(int result)
{
    if (result < 0) {
        errno = -result;
        return -1;
    }
    return 0;
}

/* ---- Usage and leaks ------------------------------------------------------------------------- */

enum format { TEXT, JSON, LEAKS };

/* Renders the process's books; *ret_live_blocks is the number of live blocks. 0 or -errno. */
static int render(struct target *target, enum format format, uint64_t *ret_live_blocks)
{
    struct lmm_text_style style = {.colour = target->descriptor >= 0 &&
                                             lmm_system_is_terminal(target->descriptor),
                                   .all_leaks = lmm_options.leaks_all};
    struct lmm_model *model = NULL;

    *ret_live_blocks = 0;
    if (!lmm_start()) {
        return -ENOMEM;
    }
    lmm_thread_settle();
    lmm_thread_tidy();
    lmm_families_refresh_gauges();
    struct lmm_quiet quiet = lmm_quiet_begin(); /* writing is a cancellation point */
    struct scratch scratch = scratch_take();
    int result = build_model(&scratch, &model);
    if (result == 0) {
        *ret_live_blocks = model->total.live_blocks;
        result = format == TEXT   ? lmm_text_usage(model, &target->sink, &style)
                 : format == JSON ? lmm_json_usage(model, &target->sink)
                                  : lmm_text_leaks(model, &target->sink, &style);
    }
    scratch_give(scratch);
    lmm_quiet_end(&quiet);
    return result;
}

static int print_books(FILE *stream, enum format format, uint64_t *ret_live_blocks)
{
    struct target target;

    open_target(&target, stream);
    return finish(render(&target, format, ret_live_blocks));
}

LMM_API int lmm_print_usage(FILE *stream)
{
    uint64_t live;

    return print_books(stream, TEXT, &live);
}

LMM_API int lmm_print_usage_json(FILE *stream)
{
    uint64_t live;

    return print_books(stream, JSON, &live);
}

/* What the last leak check found lost; without one, or after one that failed, what lives. */
static LMM_NOINLINE uint64_t lost_blocks(uint64_t live_blocks)
{
    struct lmm_ledger_check check = lmm_checks_last();

    return check.time_ns == 0 || check.failure != 0 || lmm_options.leaks_all
               ? live_blocks
               : lmm_leaks_lost_blocks();
}

LMM_API uint64_t lmm_leak_check(FILE *stream)
{
    struct lmm_saved_registers entry;
    uint64_t live;

    lmm_registers_save(&entry);
    if (!lmm_options.leaks_all) {
        lmm_leaks_check_now(&entry);
    }
    print_books(stream, LEAKS, &live);
    return lost_blocks(live);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void print_item(struct lmm_sink *sink, const struct lmm_walk_item *item)
{
    if (item->is_page) {
        lmm_sink_printf(sink, "  page %p: %zu bytes, %zu committed, %zu slots of %zu bytes\n",
                        (void *) item->page.base, item->page.bytes, item->page.committed_bytes,
                        item->page.slots, item->page.stride_bytes);
        return;
    }
    lmm_sink_printf(sink, "    %p %8zu slot%s ", (void *) item->extent.base, item->extent.slots,
                    item->extent.slots == 1 ? " " : "s");
    if (!item->extent.live) {
        lmm_sink_puts(sink, "free\n");
        return;
    }
    struct lmm_site_facts site = lmm_accounts_site_facts(item->extent.site);
    if (site.line == 0) {
        lmm_sink_printf(sink, "live %s\n", site.file);
    } else {
        lmm_sink_printf(sink, "live %s:%u (%s)\n", site.file, site.line, site.function);
    }
}

static void print_family_blocks(struct lmm_sink *sink, struct lmm_family *family)
{
    struct lmm_walk_item items[64];
    uint64_t position = 0;
    size_t count;

    lmm_sink_printf(sink, "family %s: size %zu, alignment %zu\n", family->name, family->size,
                    family->align);
    while ((count = lmm_walk_collect(family, &position, items, 64)) != 0) {
        for (size_t i = 0; i < count; i++) {
            print_item(sink, &items[i]);
        }
    }
}

LMM_API int lmm_print_blocks(FILE *stream, struct lmm_family *family)
{
    struct target target;

    open_target(&target, stream);
    if (family != NULL) {
        print_family_blocks(&target.sink, family);
    }
    for (uint32_t i = 0; family == NULL && i < lmm_families_count(); i++) {
        print_family_blocks(&target.sink, lmm_families_at(i));
    }
    return finish(lmm_sink_flush(&target.sink));
}

/* ---- At exit --------------------------------------------------------------------------------- */

enum { KEPT_FROM = 100, NOWHERE = -1 }; /* programs choose low numbers themselves */

static int kept_stream = -1;

static int wanted_stream(void)
{
    return lmm_options.leaks_to_stdout ? STDOUT_FILENO : STDERR_FILENO;
}

/* The descriptor that reports at exit go to. A program may have closed it, and its number may be a
 * file or a socket of the program's now. */
static int usual_stream(void)
{
    const int candidates[] = {kept_stream, wanted_stream()};

    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if (lmm_stream_is_own(candidates[i], wanted_stream())) {
            return candidates[i];
        }
    }
    return NOWHERE;
}

void lmm_report_keep_stream(void)
{
    bool prints = lmm_options.leaks || lmm_options.usage;

    if (prints && lmm_options.log[0] == '\0' && kept_stream < 0) {
        kept_stream = lmm_system_fcntl(wanted_stream(), F_DUPFD_CLOEXEC, KEPT_FROM);
    }
}

static int open_log(void)
{
    char path[LMM_OPTION_PATH_MAX];

    if (lmm_options.log[0] == '\0') {
        return usual_stream();
    }
    int descriptor = -ENAMETOOLONG;
    if (lmm_options_expand_path(lmm_options.log, path, sizeof(path))) {
        descriptor = lmm_system_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    if (descriptor < 0) {
        lmm_warn("cannot write the report to '%s' (errno %d); it goes to stderr", lmm_options.log,
                 -descriptor);
        return lmm_stream_is_own(STDERR_FILENO, STDERR_FILENO) ? STDERR_FILENO : NOWHERE;
    }
    return descriptor;
}

/* Flushes the stream unless another thread holds its lock, which may wait for input for ever. */
static void flush_unlocked(FILE *stream)
{
    if (ftrylockfile(stream) == 0) {
        fflush(stream);
        funlockfile(stream);
    }
}

/* Prints the reports that the options ask for; returns how many blocks are lost, or with leaks=all live,
 * if a leak report is asked for. */
static uint64_t report_at_exit(void)
{
    struct target target;
    uint64_t live = 0;

    if (!lmm_options.leaks && !lmm_options.usage) {
        return 0;
    }
    flush_unlocked(stdout);
    flush_unlocked(stderr);
    target.descriptor = open_log();
    lmm_sink_init(&target.sink, write_to_descriptor, &target.descriptor);
    if (lmm_options.usage) {
        render(&target, TEXT, &live);
    }
    if (lmm_options.leaks) {
        render(&target, LEAKS, &live);
    }
    if (target.descriptor > STDERR_FILENO) {
        lmm_system_close(target.descriptor);
    }
    return lmm_options.leaks ? lost_blocks(live) : 0;
}

void lmm_report_leaks(void)
{
    struct target target = {.descriptor = open_log()};
    uint64_t live;

    lmm_sink_init(&target.sink, write_to_descriptor, &target.descriptor);
    render(&target, LEAKS, &live);
    if (target.descriptor > STDERR_FILENO && target.descriptor != kept_stream) {
        lmm_system_close(target.descriptor);
    }
}

static LMM_NOINLINE void end_process(const struct lmm_saved_registers *entry)
{
    bool prints = lmm_options.leaks || lmm_options.usage;

    /* A forked child that has not called LMM has no ledger of its own. */
    if (!lmm_has_started() || (!prints && !lmm_thread_is_settled())) {
        return;
    }
    lmm_leaks_check_at_exit(entry);
    uint64_t leaks = report_at_exit();
    lmm_families_refresh_gauges();
    lmm_accounts_end(lmm_options.keep);
    if (lmm_options.exit_code != 0 && leaks != 0) {
        lmm_streams_finish();
        _exit((int) lmm_options.exit_code);
    }
}

/* Runs after the exit handlers and destructors of the program and of libraries that use LMM. */
__attribute__((destructor(101))) static void end_at_exit(void)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    end_process(&entry);
}
