/* The formats in which the tools tell how a build goes. Each parser feeds a
 * struct build; all are pure and incremental: any split of the bytes gives the
 * same result, and what is not understood stays in the log. */
#ifndef BILGE_BUILDS_PROGRESS_PROGRESS_H
#define BILGE_BUILDS_PROGRESS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/builds/build.h"

struct progress_ops {
    const char *name;
    /* What the tools print is for people as it is. Else the lines that the
     * parser puts into the log are. */
    bool readable;
    /* Borrows the build until close(). */
    void *(*open)(struct build *build);
    /* Bytes of one stream (1 stdout, 2 stderr), as they came. */
    void (*feed)(void *progress, int stream, const char *data, size_t len, int64_t now_mono_ms);
    /* Both streams have ended: a last line without a newline counts too, and
     * the reason of a failure, where the output tells one, is put into
     * build->error. */
    void (*end)(void *progress, int64_t now_mono_ms);
    void (*close)(void *progress);
};

/* BuildKit's plain progress (compose 2.x, buildx, docker 20.10, compose 1.29
 * with BuildKit): "#5 [api builder 2/4] RUN make", "#5 0.42 text",
 * "#5 DONE 1.2s". Source: moby/buildkit util/progress/progressui/printer.go. */
extern const struct progress_ops progress_plain;

/* The engine's events, as JSON objects on a line or over many, with other
 * lines between them: BUILDKIT_PROGRESS=rawjson, known to compose since 2.26
 * and to buildx since 0.13. Source: moby/buildkit client/graph.go. */
extern const struct progress_ops progress_rawjson;

/* The builder of before BuildKit: "Step 3/9 : WORKDIR /app". */
extern const struct progress_ops progress_legacy;

#endif
