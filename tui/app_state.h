/* The inside of struct app: for app.c and requests.c alone. */
#ifndef BILGE_TUI_APP_STATE_H
#define BILGE_TUI_APP_STATE_H

#include "tui/app.h"
#include "tui/notices.h"

struct app {
    uv_loop_t *loop;
    struct tui_options options;
    struct term *term;
    struct theme theme;
    struct buf scratch;
    struct bilge *bilge; /* NULL before it is open and while it closes */
    struct screen *top;
    char *message;
    enum style message_style;

    uv_prepare_t prepare; /* draws */
    uv_timer_t frame;     /* a frame is due but came too soon after the last */
    uv_timer_t clock;     /* times on screen go stale */
    uint64_t drawn_ms;
    bool dirty;  /* something has moved */
    bool urgent; /* and it was a key */
    bool closing; /* screens go, then core, then our handles */
    bool core_closed;
    int signal; /* that has ended it; 0: none has */

    struct notices notices;
    bool unfinished_told; /* that an earlier removal was interrupted */
    size_t finished_told; /* so many of store.finished */
    bool history_told; /* that it can't be used */
    char *saved_path; /* of the log that was saved last; NULL: none */
    uint64_t saved_build_id;
    uint64_t log_news; /* lines of logs that have come from a file, so many times */

    app_plan_cb *on_plan; /* NULL: nobody waits for one */
    void *plan_arg;
};

#endif
