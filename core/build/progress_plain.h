/* BuildKit's plain progress (compose 2.x, buildx, docker 20.10, compose 1.29
 * with BuildKit): "#5 [api builder 2/4] RUN make", "#5 0.42 text",
 * "#5 DONE 1.2s". Pure and incremental: any split of the bytes gives the same
 * result, and what is not understood stays in the log.
 * Source: moby/buildkit util/progress/progressui/printer.go. */
#ifndef BILGE_BUILD_PROGRESS_PLAIN_H
#define BILGE_BUILD_PROGRESS_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/lines.h"
#include "core/build/build.h"
#include "core/build/reason.h"

struct progress_plain {
    struct build *build;
    struct plain_stream {
        struct progress_plain *progress;
        struct lines lines;
        int number;      /* 1 stdout, 2 stderr */
        bool after_blank; /* then "#5 text" names a step: the view moves to it */
        bool in_failure_block;
        int block_step; /* the step that the failure block is about; 0: not known */
    } streams[2];
    int64_t now_mono_ms;
    int base;          /* added to "#N": compose 1 starts anew with each service */
    int last_failed;   /* where the excerpt of the Dockerfile belongs; 0: none */
    char *heading;     /* the service of compose 1's "Building api"; NULL: none */
    struct reason reason;
};

void progress_plain_init(struct progress_plain *progress, struct build *build);
/* Bytes of one stream (1 stdout, 2 stderr), as they came. */
void progress_plain_feed(struct progress_plain *progress, int stream, const char *data, size_t len,
                         int64_t now_mono_ms);
/* Both streams have ended: a last line without a newline counts too, and the
 * reason of a failure, where the output tells one, is put into build->error. */
void progress_plain_end(struct progress_plain *progress, int64_t now_mono_ms);
void progress_plain_done(struct progress_plain *progress);

#endif
