/* What can be gone to: builders with their nodes, and docker's contexts, as rows
 * of words. */
#ifndef BILGE_TUI_PLACES_H
#define BILGE_TUI_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/store/store.h"
#include "tui/theme.h"

enum place_cell { PLACE_NAME, PLACE_KIND, PLACE_STATE, PLACE_WHAT, PLACE_CELLS };

struct place {
    char *id;    /* of the row, whatever else comes and goes */
    char *name;  /* of the builder or context that is chosen by it */
    char *cells[PLACE_CELLS]; /* clean */
    char *detail;    /* clean; all there is to say */
    bool is_builder; /* or a node of it; else a context */
    enum style style;
};

struct places {
    struct place *rows;
    size_t len, cap;
};

/* Makes all rows anew. */
void places_fill(struct places *places, const struct store *store);
void places_done(struct places *places);

#endif
