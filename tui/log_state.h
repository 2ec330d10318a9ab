/* The inside of the log screen: log_screen.c draws, log_commands.c acts,
 * log_search.c seeks text and errors. */
#ifndef BILGE_TUI_LOG_STATE_H
#define BILGE_TUI_LOG_STATE_H

#include "core/builds/log/logscan.h"
#include "tui/app.h"
#include "tui/log_scope.h"
#include "tui/log_view.h"
#include "tui/screen.h"

struct log_screen {
    struct screen screen;
    uint64_t build_id;
    struct log_scope scope;
    struct log_view view;
    bool at_error;  /* to begin with: the first error, once it is known */
    struct logscan *scan; /* NULL: nothing is sought */
    int pending;          /* a search under way: its direction; 0: none */
    uint64_t pending_from;
    bool at_match; /* the hit is one of a search */
    bool wrapped; /* it has gone on from the other end */
    char *search_before; /* while another is typed */
};

const struct build *log_screen_build(const struct log_screen *self);
void log_command(struct screen *screen, enum command command);

/* ---- log_search.c */
void log_search_ask(struct log_screen *self);
void log_search_next(struct log_screen *self, int direction);
/* The build has moved, or what is looked at: seeks in what is new. */
void log_search_follow(struct log_screen *self, bool scope_moved);
/* "3 of 17"; nothing while nothing is sought. */
void log_search_add_counts(const struct log_screen *self, struct buf *text);
void log_search_done(struct log_screen *self);

/* To the first error of all (direction 0), the next one or the one before. */
void log_error_go(struct log_screen *self, int direction);

#endif
