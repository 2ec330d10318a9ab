/* The facade in a world of files, driven by hand: the process lives in the
 * world until run_close(). */
#ifndef BILGE_TESTS_UNIT_RUN_KIT_H
#define BILGE_TESTS_UNIT_RUN_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/mem.h"
#include "core/bilge.h"
#include "tests/support/loop.h"
#include "tests/support/world.h"

struct run {
    struct world *world;
    struct loop_fixture loop;
    uv_check_t check;
    struct bilge_options options;
    const char *roots[1];
    struct bilge *bilge;
    const struct store *store;
    size_t changes;
    uint64_t passes, pass_of_change; /* loop passes; the last one with a change */
    bool closed;
    bool planned;
    struct plan *plan;
    struct err plan_err;
    struct buf output;
};

#define WAIT(run, condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&(run)->loop.loop, UV_RUN_ONCE);                                                \
    } while (0)

/* The process goes to live in the world. */
void run_enter(const struct world *world);
/* For bilge_open(): fails when it runs twice in one loop pass. */
bilge_change_cb run_on_change;

/* Takes the world, and enters it. */
struct run *run_new(struct world *world);
/* With run->options. */
void run_open(struct run *run);
void run_settle(struct run *run);
/* The usual world with an engine, followed and settled. */
struct run *run_usual(void);
/* Closes what was opened; run_open() may open it anew. */
void run_reopen(struct run *run);
/* Frees all; what it opened is closed. */
void run_close(struct run *run);

/* Of a cache directory; the caller frees it. */
char *run_path(const struct run *run, const char *name);
const struct service *run_row(const struct run *run, const char *name);
/* CACHE_UNREADABLE: there is none. */
enum cache_state run_state(const struct run *run, const char *name);
/* Garbage in the usual world: all but the live one of orchestration's. */
size_t run_older(const struct run *run);

/* What `du -B1 -s` says of it. */
int64_t run_du(const char *path);

struct query query_garbage(void);
/* For bilge_plan(); the argument is the run. */
bilge_plan_cb run_on_plan;
/* Into run->plan, or run->plan_err. */
void run_plan(struct run *run, const struct query *query);
/* Carries run->plan out, to its end. */
void run_execute(struct run *run);

/* What the scripted docker does when it builds: "log", "hang", … */
void run_script_build(const struct run *run, const char *mode);
/* Its output goes to run->output. */
uint64_t run_build(struct run *run, const char *service);

#endif
