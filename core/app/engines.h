/* The engine, buildx's builders, docker's contexts, and whose the records are. */
#ifndef BILGE_APP_ENGINES_H
#define BILGE_APP_ENGINES_H

#include "core/app/app.h"

/* ---- engines */
int engines_open(struct bilge *bilge, struct err *err);
void engines_list(struct bilge *bilge);
/* Reads records again: of the engine; of the other builders that answered. */
void engines_refresh(struct bilge *bilge);
/* For a request: of this builder (NULL: the selected one). `records_asked`: it is
 * about the records, and waits for them as long as they take. */
void engines_refresh_for_request(struct bilge *bilge, const char *builder, bool records_asked);
/* Asks whether builds run on builders whose records are in use; see leaks.h. */
void engines_look_for_builds(struct bilge *bilge);
bool engines_waited_for(const struct bilge *bilge);
void engines_close(struct bilge *bilge);
/* Anew, after another context was chosen. */
void engines_reopen(struct bilge *bilge);

/* ---- elsewhere */
void elsewhere_cancel(struct bilge *bilge);

/* ---- contexts */
void contexts_read(struct bilge *bilge);
/* Docker's tools go where the options say. */
void contexts_lead_tools(struct bilge *bilge);

/* ---- owning */
/* `scanning`: more caches are to come. */
void owning_refresh(struct bilge *bilge, bool scanning);

#endif
