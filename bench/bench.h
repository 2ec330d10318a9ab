/* A benchmark: a pair of compose files, the original and the optimised one,
 * measured in four scenarios. Plain data, and what is worked out from it.
 *
 * Everything a benchmark makes is its own, and is known by its mark, "bilge-bench-"
 * and a few random letters: a temporary directory with copies of the build
 * contexts and the local caches, the names of the images, and the ids of the
 * cache mounts (BuildKit puts BUILDKIT_CACHE_MOUNT_NS before them). So a first
 * build is one with nothing at all, and nothing of anybody has to go for it. */
#ifndef BILGE_BENCH_BENCH_H
#define BILGE_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/leftover.h"
#include "core/base/err.h"
#include "core/base/strlist.h"

enum bench_variant { BENCH_ORIGINAL, BENCH_OPTIMISED, BENCH_VARIANTS };
enum bench_scenario {
    BENCH_FIRST,
    BENCH_NO_CHANGE,
    BENCH_CODE,
    BENCH_DEPENDENCIES,
    BENCH_SCENARIOS
};
/* The build that has to come before the others when the first one is not
 * measured. */
#define BENCH_PREPARATION BENCH_SCENARIOS

extern const char *const bench_variants[BENCH_VARIANTS]; /* "original", "optimised" */

struct bench_scenario_words {
    const char *name;                /* for options and JSON */
    const char *title;               /* for people */
    int expected_low, expected_high; /* per cent of the time that the guide promises to save */
};
/* Also of BENCH_PREPARATION. */
extern const struct bench_scenario_words bench_scenarios[BENCH_SCENARIOS + 1];

/* One build that ran through. */
struct bench_run {
    int64_t started_at;
    int64_t duration_ms;
    size_t steps_over, steps_cached; /* as the history counts them */
    size_t work_cached; /* of them RUN, COPY and ADD: even --no-cache lets a WORKDIR be */
};

/* All runs of one service, scenario and variant. */
struct bench_cell {
    struct bench_run *runs;
    size_t len;
};

/* What a variant of a service is built from. */
struct bench_source {
    char *context;         /* absolute; the user's own */
    int64_t context_bytes; /* of what is copied */
    size_t context_files;
    char *dockerfile;      /* absolute; NULL: it is inline */
    char *dockerfile_text; /* NULL: not readable */
    char *code_file;       /* relative to the context; NULL: that scenario is not wanted */
    char *dependency_file;
    char *dependency; /* the one that is compiled anew, when it could be told; else NULL */
};

struct bench_service {
    char *name;
    struct bench_source sources[BENCH_VARIANTS];
    struct bench_cell cells[BENCH_SCENARIOS][BENCH_VARIANTS];
};

/* One build of many. */
struct bench_step {
    size_t service, round;
    enum bench_scenario scenario;
    enum bench_variant variant;
    bool starts_service, ends_round;
};

struct bench {
    char *project;
    const char *files[BENCH_VARIANTS]; /* borrowed, as they were given */
    char *found_file;                  /* the original one, when it was not given */
    bool wanted[BENCH_SCENARIOS];
    size_t rounds;
    struct bench_service *services;
    size_t services_len;
    char *mark;                 /* "bilge-bench-k3v9x2ab" */
    char *parent;               /* the temporary directory */
    char *directory;            /* <parent>/<mark> */
    struct leftover *leftovers; /* of others that did not end: taken away before the first build */
    size_t leftovers_len;

    size_t next;       /* the step that is under way, or comes */
    bool cleaning;     /* after a round, or for good */
    uint64_t build_id; /* of the store's build that is under way; 0: none */
    int64_t started_at, ended_at;
    char *tools;        /* "docker 26.1.5, compose 2.26.1"; NULL: not yet */
    char *builder;      /* whose records are cleaned */
    bool forgets_steps; /* and which then forgets all its steps: see core/store/store.h */

    size_t images_removed, records_removed;
    int64_t freed_bytes; /* of the records */
    struct strlist left; /* lines: what could not be removed, and why */
    struct err err;      /* why it ended early; code 0: it did not */
    char *log_path;      /* of the build that failed; NULL: none */
};

void bench_done(struct bench *bench);

/* How many builds it is, those that only prepare included. */
size_t bench_steps(const struct bench *bench);
/* The builds in their order: service by service, round by round, scenario by
 * scenario; in each the two variants right after each other, and the other one
 * first in the next round, so that a machine that gets slower or faster does so
 * to both. */
struct bench_step bench_step(const struct bench *bench, size_t index);

void bench_add_run(struct bench_service *service, const struct bench_step *step,
                   const struct bench_run *run);

/* What the history calls such a build: "bench: original, first build". The
 * caller frees it. */
char *bench_kind(const struct bench_step *step);
/* The image that it makes: "bilge-bench-k3v9x2ab-api:original-first". */
char *bench_image(const struct bench *bench, const struct bench_step *step);
/* What the ids of its cache mounts begin with. */
char *bench_mounts(const struct bench *bench, const struct bench_step *step);

struct bench_summary {
    size_t runs; /* 0: none, and all else is 0 */
    int64_t min_ms, median_ms, max_ms;
};
struct bench_summary bench_summarise(const struct bench_cell *cell);

/* The medians against each other. False when one is missing. */
struct bench_gain {
    int ratio_permille; /* optimised to original */
    int saved_permille; /* negative: it takes longer */
    bool reached;       /* at least the guide's lower bound */
};
bool bench_compare(const struct bench_service *service, enum bench_scenario scenario,
                   struct bench_gain *ret_gain);

#endif
