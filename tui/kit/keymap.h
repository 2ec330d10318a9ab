/* Keys: one table says which key does what where. Footer, help and the man
 * page are made from it. */
#ifndef BILGE_TUI_KIT_KEYMAP_H
#define BILGE_TUI_KIT_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>

/* A key is a Unicode character (control characters too), or one of these,
 * which lie above Unicode. */
enum input_key {
    INPUT_NONE = 0x110000,
    INPUT_UP,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_HOME,
    INPUT_END,
    INPUT_BACK_TAB,
    INPUT_DELETE,
    INPUT_F1,
};
#define INPUT_CTRL(letter) ((letter)&0x1f)
#define INPUT_TAB '\t'
#define INPUT_ENTER '\n'
#define INPUT_ESCAPE 27
#define INPUT_BACKSPACE 127

/* Where a key holds: one bit per focus. */
enum keys_where {
    KEYS_SERVICES = 1 << 0,
    KEYS_RECORDS = 1 << 1,
    KEYS_BUILD = 1 << 2,
    KEYS_DETAILS = 1 << 3,
    KEYS_PLAN = 1 << 4,
    KEYS_BUSY_PLAN = 1 << 5, /* a plan that leaves busy caches out */
    KEYS_PROGRESS = 1 << 6,
    KEYS_RESULT = 1 << 7,
    KEYS_MENU = 1 << 8,
    KEYS_LOG = 1 << 9,
    KEYS_HELP = 1 << 10,
    KEYS_ASK = 1 << 11,
    KEYS_INPUT = 1 << 12,
    KEYS_CACHE = 1 << 13,  /* details of a service that has a cache */
    KEYS_BROKEN = 1 << 14, /* a verified cache that is not whole */
    KEYS_LINKS = 1 << 15,  /* a plan of links */
    KEYS_HISTORY = 1 << 16,
    KEYS_DOCTOR = 1 << 17,
    KEYS_NOTHING_PLAN = 1 << 18, /* a plan of nothing, since all is busy */
    KEYS_PLACES = 1 << 19,       /* builders and contexts */
    KEYS_CAREFUL_PLAN = 1 << 20, /* with others of these: it spares the project's current caches */
    KEYS_MAIN = KEYS_SERVICES | KEYS_RECORDS | KEYS_BUILD,
};

enum command {
    COMMAND_NONE,
    COMMAND_UP,
    COMMAND_DOWN,
    COMMAND_PAGE_UP,
    COMMAND_PAGE_DOWN,
    COMMAND_TOP,
    COMMAND_BOTTOM,
    COMMAND_LEFT,
    COMMAND_RIGHT,
    COMMAND_LINE_START,
    COMMAND_LINE_END,
    COMMAND_NEXT_PANE,
    COMMAND_PREVIOUS_PANE,
    COMMAND_PANE_1,
    COMMAND_PANE_2,
    COMMAND_PANE_3,
    COMMAND_OPEN,
    COMMAND_DETAILS,
    COMMAND_BACK,
    COMMAND_QUIT,
    COMMAND_QUIT_NOW,
    COMMAND_FILTER,
    COMMAND_SEARCH,
    COMMAND_NEXT_MATCH,
    COMMAND_PREVIOUS_MATCH,
    COMMAND_SORT,
    COMMAND_MARK,
    COMMAND_MARK_ALL,
    COMMAND_UNMARK_ALL,
    COMMAND_DELETE,
    COMMAND_PRUNE_MENU,
    COMMAND_FREE,
    COMMAND_RESCAN,
    COMMAND_BUILD,
    COMMAND_BUILD_NO_CACHE,
    COMMAND_BUILD_TRADITIONAL,
    COMMAND_BUILD_ALL,
    COMMAND_BUILD_AGAIN,
    COMMAND_STOP,
    COMMAND_LOG,
    COMMAND_HISTORY,
    COMMAND_FOLLOW,
    COMMAND_WRAP,
    COMMAND_TIMES,
    COMMAND_SERVICE_NEXT,
    COMMAND_SERVICE_PREVIOUS,
    COMMAND_FIRST_ERROR,
    COMMAND_NEXT_ERROR,
    COMMAND_PREVIOUS_ERROR,
    COMMAND_PATHS,
    COMMAND_SAVE,
    COMMAND_FOLD_ALL,
    COMMAND_ZOOM,
    COMMAND_BUILDER_NEXT,
    COMMAND_BUILDER_PREVIOUS,
    COMMAND_DROP,
    COMMAND_VERIFY,
    COMMAND_DOCTOR,
    COMMAND_DISKS,
    COMMAND_PLACES,
    COMMAND_RESTORE,
    COMMAND_REPAIR,
    COMMAND_YES,
    COMMAND_NO,
    COMMAND_NOW,
    COMMAND_LIVE,
    COMMAND_WAIT,
    COMMAND_HELP,
    COMMAND_MOUSE,
    COMMAND_REDRAW,
    COMMAND_SUSPEND,
};

/* Several rows may give one command several keys; label and note stand in the
 * first of them. */
struct key_binding {
    unsigned where; /* enum keys_where */
    int key;
    enum command command;
    const char *label; /* in the footer; NULL: not there */
    const char *note;  /* in help and manual; NULL: another key of the row above */
};

extern const struct key_binding keymap[];
extern const size_t keymap_len;

/* Keys that hold on every screen, also while text is typed. */
enum command keymap_global(int key);
/* `where` is one bit. COMMAND_NONE when the key means nothing there. */
enum command keymap_find(unsigned where, int key);

#define KEYMAP_NAME_SIZE 16
/* "b", "Space", "Ctrl-L", "PgUp", an arrow (or "Up" in ASCII). Returns out. */
const char *keymap_name(char out[KEYMAP_NAME_SIZE], int key, bool ascii);

#define KEYMAP_KEYS_SIZE 48
/* All keys of the binding at `index` that hold in `where`, "k Up". */
const char *keymap_keys(char out[KEYMAP_KEYS_SIZE], size_t index, unsigned where, bool ascii);

#endif
