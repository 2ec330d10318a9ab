/* Known failures of builds: what the text means, and what to do about it. */
#ifndef BILGE_BUILDS_PROGRESS_DIAGNOSE_H
#define BILGE_BUILDS_PROGRESS_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/builds/build.h"

/* What a text (a line, or a whole message) of a tool or the engine tells; a
 * command that it quotes is left out. NULL: nothing known. Static. */
const struct diagnosis *diagnose_text(const char *text, size_t len);

/* Why a build has failed: from its reason, then the errors of its steps, then
 * the last lines of its log. NULL: not known, or it has not failed. */
const struct diagnosis *diagnose_build(const struct build *build);

#endif
