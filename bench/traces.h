/* What a benchmark's builds have left among a builder's records. Records carry
 * no name of who made them, so a record is the benchmark's only when all of
 * this holds: it was not there when the benchmark began, it was made while one
 * of its builds ran, it is not in use, and its text is a step of that build or
 * of a measured Dockerfile; or it is a cache mount with the benchmark's mark.
 *
 * What the engine keeps of transferred contexts ("source.local") says nothing of
 * itself. It is the benchmark's only when it was made while the first build of a
 * copy ran, when it is not more than one build makes, and when all else that was
 * made in that time is explained: then nobody else was building. */
#ifndef BILGE_BENCH_TRACES_H
#define BILGE_BENCH_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/record.h"

struct traces;

struct traces *traces_new(const char *mark);
void traces_free(struct traces *traces);

/* Another benchmark's, which was killed: its cache mounts go, too. */
void traces_add_mark(struct traces *traces, const char *mark);

/* Records that were there before: never the benchmark's. */
void traces_know(struct traces *traces, const struct records *records);
/* The text of a Dockerfile that is measured; NULL is fine. */
void traces_add_dockerfile(struct traces *traces, const char *text);
/* A build ran in this time; `sends`: it sent its context for the first time. */
void traces_add_window(struct traces *traces, int64_t from, int64_t to, bool sends);
/* One of its steps, as its log tells it: "COPY src src". */
void traces_add_step(struct traces *traces, const char *instruction);

/* The ids; borrowed from the records. The caller frees the array. *ret_held: how
 * many more there are that are in use: the engine lets go of what an interrupted
 * build had only after a moment. */
const char **traces_find(const struct traces *traces, const struct records *records,
                         size_t *ret_len, size_t *ret_held);

#endif
