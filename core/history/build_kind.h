/* What kind of a build it was, and what made it work. */
#ifndef BILGE_HISTORY_BUILD_KIND_H
#define BILGE_HISTORY_BUILD_KIND_H

#include "core/history/history.h"

/* Fills kind, first_miss and why of a build from its steps, and from those of
 * the last build of the same service (NULL: there was none). Kinds go by these
 * rules, of the numbered steps but FROM:
 *
 *   "nothing changed"       all came from the cache
 *   "from scratch"          none did
 *   "dependencies changed"  the first that did not copies a list of
 *                           dependencies (Cargo.lock, Gemfile, ...) or installs
 *   "code changed"          any other was the first
 *
 * and stay NULL when no such step ran. `why` is a guess: the base image, an ARG,
 * the files or the text that changed. */
void build_kind_fill(struct history_build *build, const struct history_build *before);

#endif
