/* The terminal: opened afresh as /dev/tty, watched on the loop, and given
 * back as it was however the program ends. */
#ifndef BILGE_TUI_KIT_TERM_H
#define BILGE_TUI_KIT_TERM_H

#include <stdbool.h>

#include <uv.h>

#include "core/base/err.h"

struct term;

struct term_mouse {
    int y, x;
    int wheel; /* -1 up, 1 down, 0: a click */
};

struct term_ops {
    /* A key (see keymap.h). */
    void (*on_key)(void *arg, int key);
    void (*on_mouse)(void *arg, const struct term_mouse *mouse);
    /* The size has changed, or what is on the screen is not to be trusted:
     * draw. */
    void (*on_resize)(void *arg);
    /* A signal that ends programs has come (SIGHUP also stands for a terminal
     * that has hung up): quit, unasked. */
    void (*on_quit)(void *arg, int signal);
};

/* ERR_UNSUPPORTED for a TERM that is not known or cannot place the cursor;
 * -ENXIO and the like when there is no terminal. Sets the locale's character
 * type. No callback runs before this returns. After a failure the loop has to
 * run once more, to close what was opened. */
int term_open(uv_loop_t *loop, bool mouse, const struct term_ops *ops, void *arg,
              struct term **ret_term, struct err *err);

/* The locale prints UTF-8. */
bool term_is_utf8(const struct term *term);
/* Room for a frame in the terminal's queue? Drawing would wait without it. */
bool term_is_writable(const struct term *term);
bool term_mouse(const struct term *term);
void term_set_mouse(struct term *term, bool on);
/* Draw everything afresh with the next frame. */
void term_redraw(struct term *term);
/* Rings the bell; shows a notice outside the screen (OSC 9), clean text, where
 * the terminal knows how to. */
void term_ring(struct term *term);
void term_notice(struct term *term, const char *text);
/* Puts the text into the clipboard (OSC 52), where the terminal lets us. */
void term_copy(struct term *term, const char *text);
/* Stops the job, as Ctrl-Z does elsewhere; comes back with SIGCONT. */
void term_suspend(struct term *term);
/* Gives the terminal back; draws nothing any more. May be called twice. */
void term_leave(struct term *term);
/* Leaves, closes all handles; the memory goes when libuv has closed them. No
 * callback follows. */
void term_free(struct term *term);

#endif
