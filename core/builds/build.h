/* One build: services, steps, log. Parsers of the progress formats feed it
 * (progress.h); views and the history read it.
 *
 * A step is one vertex of the build's graph: an instruction of a Dockerfile,
 * or one of BuildKit's own ("load metadata", "exporting cache"). */
#ifndef BILGE_BUILDS_BUILD_H
#define BILGE_BUILDS_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/strlist.h"
#include "core/builds/log/buildlog.h"

enum build_state {
    BUILD_RUNNING,
    BUILD_STOPPING, /* asked to stop, not yet gone */
    BUILD_DONE,
    BUILD_FAILED,
    BUILD_CANCELLED,
    BUILD_QUEUED, /* waits for its turn: see `place` */
};
const char *build_state_name(enum build_state state);

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_DONE, STEP_CACHED, STEP_FAILED, STEP_CANCELLED };
const char *step_state_name(enum step_state state);

/* Text comes from tools and builds: raw bytes, to be cleaned before it is
 * shown; each is capped at STEP_TEXT_MAX. */
#define STEP_TEXT_MAX 2048

/* One of the things that a step moves: a layer that is pulled, extracted or
 * exported, a part of the context. */
struct step_transfer {
    char *name;            /* "sha256:…", "transferring context:" */
    int64_t current, goal; /* bytes; goal 0: unknown */
    bool over;
};
#define STEP_TRANSFERS_MAX 128 /* what comes beyond is not remembered */

struct step {
    int number;        /* the "#N" of plain progress; from 1; unique in a build */
    char *name;        /* as the tool printed it: "[api builder 4/6] RUN make"; "" until known */
    char *service;     /* NULL when not known */
    char *platform;    /* "linux/arm64"; NULL when the name tells none */
    char *stage;       /* "builder"; NULL when it has none */
    int index, total;  /* 4 of 6; 0 when not numbered */
    char *instruction; /* "RUN make", "load metadata for …"; "" until known */
    bool internal;     /* not an instruction of the Dockerfile: loading, exporting … */
    bool clipped;      /* the engine has cut its output ("[output clipped, …]") */
    enum step_state state;
    int64_t started_mono_ms; /* clock_mono_ms() when its first line came; 0: not yet */
    int64_t began_at;        /* by the engine's clock, nanoseconds since 1970; 0: not told */
    int64_t duration_ms;     /* once over: as the tool says, else as we measured */
    int64_t current, goal;   /* bytes of the transfer that moved last; goal 0: unknown */
    char *transfer;          /* its name; NULL: none is under way */
    struct step_transfer *transfers; /* all that it has had, in the order of their beginning */
    size_t transfers_len, transfers_cap;
    uint64_t last_line;  /* 1 + the log's number of its last line of output; 0: none. Not
                          * a copy, so that a flood costs nothing: see step_last_line() */
    uint64_t error_line; /* the same of the line that most likely is its error, once the
                          * build has failed: see errorline.h */
    char *error;         /* NULL unless failed */
    size_t warnings;     /* their texts stand in the build */
};

/* A remark of the Dockerfile's linter, or of the engine. */
struct build_warning {
    int step;   /* 0: of none */
    char *text; /* "JSONArgsRecommended: …"; raw, capped at STEP_TEXT_MAX */
    char *url;  /* where it is explained; NULL: not told */
    char *file; /* of the Dockerfile; NULL: not told */
    int line;   /* in it, from 1; 0: not told */
};

/* The lines around the one that failed: as the tool printed them, "   5 | >>>
 * RUN make", clean, with newlines between; else as the Dockerfile has them, see
 * dockerfile.h. */
struct build_excerpt {
    int step;   /* 0: of none: the Dockerfile could not be read */
    char *file; /* "Dockerfile" */
    int line;
    char *text; /* NULL: there is no excerpt */
};
void build_excerpt_done(struct build_excerpt *excerpt);
/* Is the line one of an excerpt as tools print it, "   5 | >>> RUN make", or the
 * rule above and below? */
bool build_excerpt_is_line(const char *text, size_t len);

/* What a known failure means, see diagnose.h. Static. */
struct diagnosis {
    const char *name;  /* short and stable, for JSON and the history */
    const char *cause; /* one sentence */
    const char *fix;   /* one sentence, or a command to paste */
    bool harmless;     /* worth a note, but no build fails of it */
    /* The traditional builder (DOCKER_BUILDKIT=0) would not fail of it. */
    bool traditional_helps;
};

struct build {
    uint64_t id;     /* unique in this process, from 1 */
    char **services; /* what was asked for; empty: all of the project */
    size_t services_len;
    char *command; /* for people: "docker compose build api" */
    enum build_state state;
    int exit_status; /* of the tool; 128 + signal; -1 while running */
    int64_t started_at;
    int64_t started_mono_ms;
    int64_t duration_ms; /* once over */
    struct step *steps;  /* by number; numbers may have gaps */
    size_t steps_len, steps_cap;
    struct build_warning *warnings; /* in the order of arrival; capped, see remarks.h */
    size_t warnings_len, warnings_cap;
    struct build_excerpt excerpt; /* of the Dockerfile, when a build has failed of it */
    bool names_services;          /* the tool puts the service into the names of steps */
    char *error;                  /* the reason of the failure, one clean line; NULL: none known */
    const struct diagnosis *diagnosis;   /* of the failure; NULL: not a known one */
    bool traditional;                    /* without BuildKit */
    bool no_cache, pull;                 /* asked for */
    bool traditional_asked;              /* not chosen: asked for */
    struct strlist build_args, profiles; /* asked for */
    char *compose_file;                  /* another one than the project's; NULL: the project's */
    char *kind;           /* what the history calls it; NULL: what it finds by itself */
    size_t place;         /* in the queue, from 1; 0: has begun */
    char *way;            /* which way was chosen, and why, in one line; NULL: not yet */
    char *tool;           /* what ran it: "compose 2.26.1"; NULL: not yet */
    struct buildlog *log; /* every line of both streams, in the order of arrival */
    uint64_t revision;    /* moves with each change */
};

struct build *build_new(uint64_t id, const char *const *services, size_t services_len,
                        const char *command, size_t log_max_bytes);
void build_free(struct build *build);

/* Its turn has come: it begins now. */
void build_begin(struct build *build);
static inline bool build_is_over(const struct build *build)
{
    return build->state == BUILD_DONE || build->state == BUILD_FAILED ||
           build->state == BUILD_CANCELLED;
}
/* Over: sets state, exit status and duration, closes the steps that still run
 * (done when the build is, else cancelled), and forgets the error of a build
 * that has not failed. */
void build_end(struct build *build, enum build_state state, int exit_status, int64_t now_mono_ms);
/* The reason of a failure: `text` made clean and cut. */
void build_set_error(struct build *build, const char *text, size_t len);

/* The step with this number, made when it is not there yet. Numbers are
 * capped: NULL over BUILD_STEPS_MAX and below 1. The pointer is valid until
 * the next call. */
#define BUILD_STEPS_MAX 10000
struct step *build_step(struct build *build, int number);
const struct step *build_find_step(const struct build *build, int number);

/* Sets name and what is read from it: service, platform, stage, index,
 * instruction. Whether the first word in the brackets is a service is learned
 * from "[api internal] load build definition", which comes before all others;
 * where names tell no service and one was asked for, it is that one. */
void build_name_step(struct build *build, struct step *step, const char *name, size_t len);

/* It runs; of several starts the first counts. */
void step_start(struct step *step, int64_t now_mono_ms);
/* duration_ms < 0: not told, so it is what we measured. */
void step_end(struct step *step, enum step_state state, int64_t duration_ms, int64_t now_mono_ms);
/* Bytes of a transfer, begun or moved on. */
void step_transfer(struct step *step, const char *name, size_t len, int64_t current, int64_t goal);
/* That transfer is over, also when nothing was heard of it before; bytes 0: not told. */
void step_transfer_over(struct step *step, const char *name, size_t len, int64_t bytes);
/* The step is over, and with it whatever it had under way. */
void step_end_transfers(struct step *step);
/* All of its transfers together. */
struct step_transfer_sum {
    size_t len, over;
    int64_t current, goal; /* of those whose goal is known; what is over counts as whole */
};
struct step_transfer_sum step_transfer_sum(const struct step *step);
static inline bool step_is_over(const struct step *step)
{
    return step->state >= STEP_DONE;
}

/* The line that most likely is its error. False when none is known, or the log
 * has let it go. */
bool step_error_line(const struct build *build, const struct step *step,
                     struct buildlog_line *ret_line);
/* Its last line of output. False when it has none, or the log has let it go. */
bool step_last_line(const struct build *build, const struct step *step,
                    struct buildlog_line *ret_line);

/* Counts of the numbered instructions (internal ones left out). `total` is
 * what the "4/6" of the names promise while the build runs, and what was seen
 * once it is over. A FROM is never work: it counts as a step, but neither as
 * cached nor as uncached. */
struct build_counts {
    size_t total, over, failed, running;
    size_t cached, uncached;
};
struct build_counts build_count(const struct build *build);
/* The same of one service's steps. */
struct build_counts build_count_service(const struct build *build, const char *service);
/* Does this build concern the service: was it asked for, or was all? */
bool build_has_service(const struct build *build, const char *service);

#endif
