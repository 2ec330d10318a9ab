/* Runs a benchmark: reads the projects, copies them, builds, removes what it has made.
 *
 *   read ──► ask ──► stage ──► build ──► stage … (the next build)
 *                      ▲                   │ the round is over, it failed, interrupted
 *                      └──── directories ◄─ records ◄─ images
 *
 * Before the first build, what others left goes by the same way. */
#ifndef BILGE_BENCH_MEASURE_H
#define BILGE_BENCH_MEASURE_H

#include <stdint.h>

#include "bench/bench.h"
#include "cli/options.h"
#include "cli/session.h"
#include "core/base/err.h"
#include "core/base/mem.h"

struct measure {
    struct session *session; /* opened with the optimised compose file, and settled */
    struct bench bench;
    const struct option_list *code_files, *dependency_files; /* "FILE" or "SERVICE=FILE" */

    int lock; /* of its directory; -1: not made yet */
    /* The rest is for measure.c alone. */
    char *configs[BENCH_VARIANTS];          /* what compose said of the two projects */
    struct buf pristine[BENCH_VARIANTS][2]; /* of the measured service, what is edited in it */
    uint64_t token;
    struct traces *traces;
    bool over;         /* what is waited for */
    struct plan *plan; /* what came of it; NULL: nothing */
    struct compose_project *project;
    struct buf output;
    struct err err;
    bool built;     /* there may be images */
    bool impatient; /* interrupted again, while cleaning */
};

/* All that must be known before the first build: both projects, the contexts, which
 * files are changed, what others left. Of the bench, files, rounds, what is wanted
 * and the names of services are filled; none: all that both files build. Nothing is
 * written. */
int measure_read(struct measure *measure, struct err *err);
/* Builds, and says each build on stderr; takes away what it has made, also when it fails.
 * What came of it, errors too, stands in the bench. An interrupt stops the build under
 * way; another one, while it cleans, leaves the builder's records. */
void measure_run(struct measure *measure);
void measure_done(struct measure *measure);

#endif
