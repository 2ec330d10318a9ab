/* BuildKit's plain progress (compose 2.x, buildx, docker 20.10, compose 1.29
 * with BuildKit): "#5 [api builder 2/4] RUN make", "#5 0.42 text",
 * "#5 DONE 1.2s". Pure and incremental: any split of the bytes gives the same
 * result, and what is not understood stays in the log.
 * Source: moby/buildkit util/progress/progressui/printer.go. */
#ifndef BILGE_BUILD_PROGRESS_PLAIN_H
#define BILGE_BUILD_PROGRESS_PLAIN_H

#include "core/base/lines.h"
#include "core/build/build.h"

struct progress_plain {
    struct build *build;
    struct lines streams[2]; /* stdout, stderr */
    int current;             /* the step whose lines come now; 0: none */
    bool in_failure_block;
};

void progress_plain_init(struct progress_plain *progress, struct build *build);
/* Bytes of one stream (1 stdout, 2 stderr), as they came. */
void progress_plain_feed(struct progress_plain *progress, int stream, const char *data, size_t len,
                         int64_t now_mono_ms);
/* Both streams have ended. */
void progress_plain_end(struct progress_plain *progress, int64_t now_mono_ms);
void progress_plain_done(struct progress_plain *progress);

#endif
