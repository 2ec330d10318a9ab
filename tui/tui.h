/* The screen: its only door. */
#ifndef BILGE_TUI_TUI_H
#define BILGE_TUI_TUI_H

#include <stdbool.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/bilge.h"

struct tui_options {
    bool read_only; /* deletes and builds are refused and said so */
    bool ascii;     /* plain ASCII instead of lines, bars and arrows */
    bool no_color;
    bool no_mouse;
    bool bell, notice; /* at the end of each build: BEL, OSC 9 */
};

/* Opens the screen on the controlling terminal and runs the loop until the
 * user quits, a signal comes or the terminal hangs up; the terminal is then as it
 * was, and all handles of ours are closed. 0, ERR_CANCELLED after SIGINT, SIGTERM
 * or SIGHUP, or another negative code with err (no terminal, a TERM that is not
 * known, bilge_open() failed). Of another signal that ends programs the program
 * ends here, once all is in order. */
int tui_run(uv_loop_t *loop, const struct bilge_options *bilge_options,
            const struct tui_options *options, struct err *err);

#endif
