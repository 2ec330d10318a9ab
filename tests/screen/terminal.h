/* A terminal for tests: a real program on a pseudo terminal, and libvterm
 * reading what it draws. Nothing here ever sleeps: it waits for output, with a
 * deadline. What goes wrong fails the cmocka test that runs, and shows the
 * screen as it was. */
#ifndef BILGE_TESTS_SCREEN_TERMINAL_H
#define BILGE_TESTS_SCREEN_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Keys as an xterm sends them to a full-screen program. */
#define KEY_UP_SENT "\033OA"
#define KEY_DOWN_SENT "\033OB"
#define KEY_RIGHT_SENT "\033OC"
#define KEY_LEFT_SENT "\033OD"
#define KEY_PAGE_UP_SENT "\033[5~"
#define KEY_PAGE_DOWN_SENT "\033[6~"
#define KEY_ESCAPE_SENT "\033"
#define KEY_ENTER_SENT "\r"
#define KEY_TAB_SENT "\t"
#define KEY_CTRL_C_SENT "\003"

struct terminal;

struct terminal_spec {
    const char *const *argv;        /* argv[0] is a path */
    const char *const *environment; /* all of it */
    const char *directory;          /* NULL: ours */
    int columns, rows;
};

struct terminal *terminal_start(const struct terminal_spec *spec);
/* Kills what still runs. NULL is fine. */
void terminal_free(struct terminal *terminal);

/* Until when the waits below have patience; 10 s unless told. */
void terminal_set_patience(struct terminal *terminal, unsigned milliseconds);

/* Takes in output until is_so() says true; fails with `what` when the time is
 * up or the program has gone. */
typedef bool terminal_test(struct terminal *terminal, const void *arg);
void terminal_wait(struct terminal *terminal, terminal_test *is_so, const void *arg,
                   const char *what);
void terminal_wait_text(struct terminal *terminal, const char *text);
void terminal_wait_gone(struct terminal *terminal, const char *text);
/* Takes in output until none has come for so long: for new golden screens,
 * and to show that nothing happens. */
void terminal_wait_quiet(struct terminal *terminal, unsigned milliseconds);

/* Sends keys, after the program has put something onto the screen since the
 * last ones, or has been quiet: nobody types ahead of what they see. */
void terminal_press(struct terminal *terminal, const char *keys);
/* The two together. */
void terminal_press_wait(struct terminal *terminal, const char *keys, const char *text);

void terminal_resize(struct terminal *terminal, int columns, int rows);
void terminal_signal(struct terminal *terminal, int signal);
/* The other end goes away, as when a window is closed. */
void terminal_hang_up(struct terminal *terminal);
/* Waits for its end; the exit status, or 128 + signal. */
int terminal_wait_exit(struct terminal *terminal);
int terminal_pid(const struct terminal *terminal);

/* ---- what is to be seen */
int terminal_columns(const struct terminal *terminal);
int terminal_rows(const struct terminal *terminal);
/* All rows, each ended by a newline, without spaces at the ends. The caller
 * frees it. */
char *terminal_text(struct terminal *terminal);
char *terminal_row_text(struct terminal *terminal, int row);
/* Where the text stands first; false when it is not on the screen. */
bool terminal_find(struct terminal *terminal, const char *text, int *ret_row, int *ret_column);
bool terminal_shows(struct terminal *terminal, const char *text);

enum look { LOOK_BOLD = 1, LOOK_REVERSE = 2, LOOK_COLOUR = 4, LOOK_UNDERLINE = 8 };
/* How a cell is drawn: LOOK_… bits. */
unsigned terminal_look(struct terminal *terminal, int row, int column);
/* Is any cell of the screen drawn so? */
bool terminal_has_look(struct terminal *terminal, unsigned look);
bool terminal_is_alternate(const struct terminal *terminal);
bool terminal_shows_cursor(const struct terminal *terminal);
bool terminal_wants_mouse(const struct terminal *terminal);
/* Are the modes of the line (termios) what they were before the start? */
bool terminal_is_as_before(const struct terminal *terminal);
/* What the program has written (the last megabytes of it), NUL-terminated;
 * borrowed. */
const char *terminal_raw(const struct terminal *terminal);

#endif
