/* One build: services, steps, log. Parsers of the progress formats feed it
 * (progress_plain.h and, later, others); views and the history read it.
 *
 * A step is one vertex of the build's graph: an instruction of a Dockerfile,
 * or one of BuildKit's own ("load metadata", "exporting cache"). */
#ifndef BILGE_BUILD_BUILD_H
#define BILGE_BUILD_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/build/buildlog.h"

enum build_state {
    BUILD_RUNNING,
    BUILD_STOPPING, /* asked to stop, not yet gone */
    BUILD_DONE,
    BUILD_FAILED,
    BUILD_CANCELLED,
};
const char *build_state_name(enum build_state state);

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_DONE, STEP_CACHED, STEP_FAILED, STEP_CANCELLED };
const char *step_state_name(enum step_state state);

struct step {
    int number;        /* the "#N" of plain progress; from 1; unique in a build */
    char *name;        /* as the tool printed it: "[api builder 4/6] RUN make" */
    char *service;     /* NULL when the line names none */
    char *stage;       /* "builder"; NULL when it has none */
    int index, total;  /* 4 of 6; 0 when not numbered */
    char *instruction; /* "RUN make", "load metadata for …" */
    bool internal;     /* not an instruction of the Dockerfile: loading, exporting … */
    enum step_state state;
    int64_t started_mono_ms; /* clock_mono_ms() when its first line came; 0: not yet */
    int64_t duration_ms;     /* once over: as the tool says, else as we measured */
    int64_t current, goal;   /* bytes of the transfer under way; goal 0: unknown */
    char *transfer;          /* its name: "sha256:…", "transferring context" ; NULL: none */
    char *last_line;         /* last line of output, raw, capped; NULL: none */
    char *error;             /* NULL unless failed */
    size_t warnings;
};

struct build {
    uint64_t id;    /* unique in this process, from 1 */
    char **services; /* what was asked for; empty: all of the project */
    size_t services_len;
    char *command; /* for people: "docker compose build api" */
    enum build_state state;
    int exit_status; /* of the tool; 128 + signal; -1 while running */
    int64_t started_at;
    int64_t started_mono_ms;
    int64_t duration_ms; /* once over */
    struct step *steps;  /* by number */
    size_t steps_len, steps_cap;
    char *error;         /* the reason of the failure, one line; NULL: none known */
    struct buildlog *log; /* every line of both streams, in the order of arrival */
    uint64_t revision;   /* moves with each change */
};

struct build *build_new(uint64_t id, const char *const *services, size_t services_len,
                        const char *command, size_t log_max_bytes);
void build_free(struct build *build);

/* The step with this number, made when it is not there yet. Numbers are
 * capped: NULL over 100,000. The pointer is valid until the next call. */
struct step *build_step(struct build *build, int number);
const struct step *build_find_step(const struct build *build, int number);
/* Sets name and what is read from it: service, stage, index, instruction. */
void step_set_name(struct step *step, const char *name, size_t len);
void step_start(struct step *step, int64_t now_mono_ms);
void step_end(struct step *step, enum step_state state, int64_t duration_ms);

/* Counts of the numbered instructions (internal ones left out). */
struct build_counts {
    size_t total, over, cached, running, failed;
};
struct build_counts build_count(const struct build *build);
/* Does this build concern the service: was it asked for, or was all? */
bool build_has_service(const struct build *build, const char *service);

#endif
