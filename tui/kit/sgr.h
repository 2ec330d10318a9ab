/* A line of a log as it can be shown: clean text, and which of it has which
 * colour. Of all escape sequences only SGR (colours, bold …) is understood; the
 * others are left out. Of a line that was overwritten with carriage returns
 * the last state stays, as on a terminal. Pure.
 * Source: ECMA-48, and xterm's ctlseqs for what is skipped. */
#ifndef BILGE_TUI_KIT_SGR_H
#define BILGE_TUI_KIT_SGR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"

struct sgr_run {
    size_t start; /* offset into the text; it ends where the next one starts */
    /* 0-7; -1: the terminal's own. Of finer ones (38;5;N, 38;2;R;G;B) the
     * nearest of these. */
    signed char foreground;
    bool bold, dim, underline, reverse;
};

struct sgr_line {
    struct buf text; /* clean, NUL-terminated */
    struct sgr_run *runs;
    size_t runs_len, runs_cap;
};

/* Fills an all-zero or used line anew; its memory is used again. */
void sgr_parse(struct sgr_line *line, const char *raw, size_t len);
void sgr_done(struct sgr_line *line);

#endif
