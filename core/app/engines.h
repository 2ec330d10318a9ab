/* The engine, buildx's builders, docker's contexts, and the builds that the engine
 * remembers. */
#ifndef BILGE_APP_ENGINES_H
#define BILGE_APP_ENGINES_H

#include <stdbool.h>

#include "core/bilge.h"
#include "core/engine/engine.h"

struct engines;
struct hub;

/* Finds the engine; an error only when the options name a context that can't be read.
 * on_data_root: where the engine has its data is known. Docker's tools go where the
 * options say from here on. */
int engines_new(struct hub *hub, const struct bilge_options *options,
                void (*on_data_root)(void *arg), void *arg, struct engines **ret_engines,
                struct err *err);
/* Nobody asks any more. */
void engines_stop(struct engines *engines);
void engines_close(struct engines *engines);
void engines_free(struct engines *engines);

void engines_list(struct engines *engines);
/* Reads records again: of the engine; of the other builders that answered. */
void engines_refresh(struct engines *engines);
/* For a request: of this builder (NULL: the selected one). `records_asked`: it is
 * about the records, and waits for them as long as they take. */
void engines_refresh_for_request(struct engines *engines, const char *builder, bool records_asked);
/* Asks whether builds run on builders whose records are in use; see leaks.h. */
void engines_look_for_builds(struct engines *engines);
bool engines_waited_for(const struct engines *engines);
/* Docker's contexts, anew. */
void engines_read_contexts(struct engines *engines);
/* Another context. Nothing may be under way there. */
int engines_use_context(struct engines *engines, const char *name, struct err *err);

/* The builder's own engine; NULL: it has none. Borrowed. */
struct engine *engines_engine_of(const struct engines *engines, const char *builder);
/* Of the engine, on this machine; NULL: not known. */
const char *engines_data_root(const struct engines *engines);

/* Asks the engine for builds; store.elsewhere holds those that bilge did not run. */
void engines_look_elsewhere(struct engines *engines);

#endif
