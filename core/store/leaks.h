/* Does a build run on a builder? Its records alone can't tell: BuildKit from 0.31
 * on (Docker from 29.6) keeps the sources of every failed or interrupted build in
 * use until the engine restarts, and older ones those of failed imports. So the
 * records only raise the question; what `docker buildx history ls` calls Running is
 * the answer, and records in use that no such build explains are leaked.
 *
 *   records come ──► leaks_mark() ──► leaks_are_open()? ──► history ──► leaks_told()
 *                                                                  └──► leaks_untold()
 * Loop thread only. */
#ifndef BILGE_STORE_LEAKS_H
#define BILGE_STORE_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store/store.h"

/* Where docker has no build history, a source in use on a builder that leaks them
 * counts as a sign of a build while it is younger than this. */
#define LEAKS_DOUBT_SECONDS 3600

/* After each reading of the records: what is known to be leaked is marked so
 * (record.leaked); what is not in use any more is forgotten. */
void leaks_mark(struct builder *builder);

/* Is there a record that may be a running build's, and is not known to be leaked?
 * Then docker is to be asked. */
bool leaks_are_open(const struct builder *builder);

/* What the build history says: all builds that it lists, asked after the records
 * were read. Marks the records that are leaked, and remembers them unless a build
 * has just ended, which may hold records that were in use a moment ago. */
void leaks_told(struct builder *builder, const struct history_build *builds, size_t len,
                int64_t now);

/* Docker has no build history to tell from. */
void leaks_untold(struct builder *builder, int64_t now);

/* Does it leak the records of failed builds? Unknown versions count as such that do. */
bool leaks_happen(const struct builder *builder);

/* A line when a build runs on one of the builders; NULL: no sign. The caller frees it. */
char *leaks_build_sign(const struct store *store);

#endif
