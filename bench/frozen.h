/* The compose file that a benchmark's build reads: one service of what `docker
 * compose config` said, with the copy of the context, the benchmark's own image
 * name and its own cache directories; all else as it was. */
#ifndef BILGE_BENCH_FROZEN_H
#define BILGE_BENCH_FROZEN_H

#include "core/base/err.h"

struct frozen_spec {
    const char *config; /* JSON of the whole project */
    const char *service;
    const char *context;    /* the user's */
    const char *copy;       /* the copy of it */
    const char *dockerfile; /* absolute, the user's; NULL: inline */
    const char *image;
    const char *caches; /* directory for local caches */
};

/* JSON, which is YAML; the caller frees it. ERR_UNSUPPORTED when the service
 * exports its cache to where others would read it (a registry, a bucket): a
 * benchmark must not write there. ERR_FORMAT. Pure. */
int frozen_make(const struct frozen_spec *spec, char **ret_json, struct err *err);

#endif
