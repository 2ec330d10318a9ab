/* What bilge remembers from one run to the next, in one SQLite file: texts of
 * layers whose engine record is gone, samples of sizes for the forecast, the
 * builds it ran, and which project uses which cache directories. SQLite because
 * it survives crashes, a full disk and two bilges at once.
 *
 * Losing it loses comfort, never correctness: callers go on without when it
 * can't be opened or written. All calls block (milliseconds, more on a slow
 * disk): use a worker thread, one call at a time per handle. */
#ifndef BILGE_HISTORY_HISTORY_H
#define BILGE_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/strlist.h"

struct history;

/* $XDG_STATE_HOME/bilge/history.db, else ~/.local/state/bilge/history.db; NULL
 * without a home. The caller frees it. */
char *history_default_path(void);

/* Opens or makes the file (0600: it holds arguments of builds), and the directories
 * above it (0700). A file that is no database, or one of a newer bilge, is an
 * error and stays as it is: ERR_FORMAT, also for a damaged one; ERR_FOREIGN when
 * it, or one that SQLite keeps beside it, is no regular file of ours. One that
 * others may read is closed to them. Rows that make no sense are left out. */
int history_open(const char *path, struct history **ret_history, struct err *err);
/* The same for reading alone: nothing is made, upgraded or written, so it works
 * in a read-only place and on a full disk. -ENOENT when there is no file. */
int history_open_reading(const char *path, struct history **ret_history, struct err *err);
void history_close(struct history *history);

/* ---- layers: the step that made a layer, known by its creation time. */

struct history_layer {
    int64_t created_at; /* buildkit/createdat: the same in record and layer */
    const char *text;   /* the record's description */
};
int history_add_layers(struct history *history, const struct history_layer *layers, size_t len,
                       struct err *err);
/* ret_texts[i]: what is remembered of created_at[i], NULL when nothing is. The
 * caller frees each. */
int history_find_layers(struct history *history, const int64_t *created_at, size_t len,
                        char **ret_texts, struct err *err);

/* ---- samples: a size at a time. Series are free text: "free:/tmp",
 * "cache:/tmp/docker-cache/api", "builder:default". */

struct history_sample {
    const char *series;
    int64_t at;
    int64_t bytes;
};
struct history_point {
    int64_t at;
    int64_t bytes;
};
int history_add_samples(struct history *history, const struct history_sample *samples, size_t len,
                        struct err *err);
/* Those since `since`, oldest first. The caller frees *ret_points. */
int history_points(struct history *history, const char *series, int64_t since,
                   struct history_point **ret_points, size_t *ret_len, struct err *err);
/* Thins what is old: one sample a quarter of an hour after a day, one a day
 * after a week, none after 90 days. */
int history_thin(struct history *history, int64_t now, struct err *err);

/* ---- projects: which cache directories their services name. */

struct history_project {
    int64_t id; /* given by history_put_project() */
    char *name;
    struct strlist files;  /* what the project is read from: absolute, in their order */
    struct strlist caches; /* directories that its services write to or read from: absolute */
    int64_t seen_at;
};
/* Replaces what was remembered of the project with the same files. Writes nothing
 * when that was the same less than a day ago. */
int history_put_project(struct history *history, const struct history_project *project,
                        struct err *err);
/* All of them. None in a file of an older bilge that was opened for reading. */
int history_projects(struct history *history, struct history_project **ret_projects,
                     size_t *ret_len, struct err *err);
int history_forget_project(struct history *history, int64_t id, struct err *err);
void history_project_done(struct history_project *project);
void history_projects_free(struct history_project *projects, size_t len);

/* ---- builds. Strings are the caller's to pass, the result's to own. */

struct history_step {
    char *service; /* NULL: not told */
    char *stage;
    char *instruction;
    int state; /* enum step_state */
    int index; /* its number in the stage; 0: not an instruction of the Dockerfile */
    int64_t duration_ms;
    int64_t start_ms; /* after the build's first step had begun; -1: not known */
};
struct history_build {
    int64_t id; /* given by history_add_build() */
    char *project;
    char *service;    /* of one that was asked for; "" when all were */
    char *kind;       /* "nothing changed", "code changed", …; NULL: not told */
    char *first_miss; /* instruction of the first step that was not cached */
    char *why;        /* a guess what made it miss */
    char *error;      /* of a failed build */
    char *tools;      /* "docker 26.1.5, compose 2.26.1" */
    char *args;       /* of the build, lines "NAME=hash of the value": values can be secrets */
    int state;        /* enum build_state */
    int exit_status;
    int64_t started_at;
    int64_t duration_ms;
    int64_t added_bytes; /* to the cache directory; -1: not known */
    struct history_step *steps;
    size_t steps_len;
    char *ref; /* the engine's, of a build that bilge did not run; NULL: it did. Never stored */
    size_t told_steps, told_cached; /* of such a one, BuildKit's own steps included */
};
/* Sets build->id. */
int history_add_build(struct history *history, struct history_build *build, struct err *err);
/* The newest first; `service` NULL: all; without their steps. */
int history_builds(struct history *history, const char *service, size_t limit,
                   struct history_build **ret_builds, size_t *ret_len, struct err *err);
/* A benchmark's builds say so in their kind: they are not what is usual. */
#define HISTORY_BENCH "bench: "
bool history_build_is_bench(const struct history_build *build);
/* One, with its steps. -ENOENT when it is not there. */
int history_build(struct history *history, int64_t id, struct history_build *ret_build,
                  struct err *err);
/* How long each instruction took at most when it really ran, in the last few
 * hundred builds; in the order of strcmp(). The caller frees each instruction,
 * and the array. */
struct history_step_time {
    char *instruction;
    int64_t duration_ms;
};
int history_step_times(struct history *history, struct history_step_time **ret_times,
                       size_t *ret_len, struct err *err);
/* Fills in the steps of one that was listed. */
int history_read_steps(struct history *history, struct history_build *build, struct err *err);
#define HISTORY_PAST_MAX 200 /* that views are given */
/* The newest ones with their steps, the newest first. NULL: none. */
struct history_build *history_load_past(struct history *history, size_t limit, size_t *ret_len);
/* Of the numbered steps but FROM: how many were over, how many of these came
 * from the cache. */
size_t history_build_steps(const struct history_build *build, size_t *ret_cached);
void history_build_done(struct history_build *build);
void history_builds_free(struct history_build *builds, size_t len);

#endif
