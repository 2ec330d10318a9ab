#include "tui/kit/keymap.h"

#include <stdio.h>
#include <string.h>

#define PLANS (KEYS_PLAN | KEYS_BUSY_PLAN)
#define BUSY_PLANS (KEYS_BUSY_PLAN | KEYS_NOTHING_PLAN)
#define ALL_PLANS (KEYS_PLAN | BUSY_PLANS)
#define LONG (KEYS_MAIN | KEYS_HISTORY | ALL_PLANS | KEYS_PLACES)
#define LISTS (LONG | KEYS_MENU)
#define DETAILS (KEYS_DETAILS | KEYS_CACHE)
#define TEXTS                                                                                      \
    (DETAILS | KEYS_LOG | KEYS_HELP | KEYS_RESULT | KEYS_BROKEN | KEYS_LINKS | KEYS_DOCTOR)
#define SEARCHED (KEYS_LOG | KEYS_HELP | DETAILS | KEYS_DOCTOR)
#define HELPED                                                                                     \
    (KEYS_MAIN | ALL_PLANS | DETAILS | KEYS_LOG | KEYS_HISTORY | KEYS_DOCTOR | KEYS_PLACES)
#define TABLES (KEYS_SERVICES | KEYS_RECORDS)
#define BACKABLE (ALL_PLANS | KEYS_HISTORY | TEXTS | KEYS_MENU | KEYS_PLACES | KEYS_PROGRESS)

/* The order is that of the footer and of the help. */
const struct key_binding keymap[] = {
    {PLANS, 'y', COMMAND_YES, "delete", "Yes: delete what is listed, and nothing else"},
    {PLANS, 'n', COMMAND_NO, "no", "No: leave everything as it is (so does any other key)"},
    {PLANS, INPUT_ENTER, COMMAND_NO, NULL, NULL},
    {BUSY_PLANS, 'w', COMMAND_WAIT, "wait", "Wait until nothing is busy, then show the plan again"},
    {BUSY_PLANS, '!', COMMAND_NOW, "busy too", "Take busy caches too; asks once more"},
    {KEYS_CAREFUL_PLAN, 'Y', COMMAND_LIVE, "current too",
     "Plan whole current caches of this project too; y deletes them"},
    {PLANS, ' ', COMMAND_DROP, "leave out", "Leave the item under the cursor out of the plan"},
    {KEYS_PROGRESS, 'x', COMMAND_STOP, "stop", "Stop after the item under way"},
    {KEYS_LINKS, 'y', COMMAND_YES, "link", "Yes: link what is listed"},
    {KEYS_LINKS, 'n', COMMAND_NO, "no", "No: leave everything as it is"},
    {KEYS_LINKS, INPUT_ENTER, COMMAND_NO, NULL, NULL},
    {KEYS_BROKEN, 'R', COMMAND_REPAIR, "repair",
     "Make a valid, smaller cache of the broken one; asks first"},
    {KEYS_CACHE, 'R', COMMAND_RESTORE, "restore",
     "Point the cache back at the export under the cursor; asks first"},
    {KEYS_CACHE, 'V', COMMAND_VERIFY, "verify", "Read every blob of the live export and check it"},
    {KEYS_CACHE, INPUT_TAB, COMMAND_NEXT_PANE, "export", "The next of the exports"},
    {KEYS_CACHE, INPUT_BACK_TAB, COMMAND_PREVIOUS_PANE, NULL, "The export before"},
    {KEYS_ASK, 'y', COMMAND_YES, "yes", "Yes"},
    {KEYS_ASK, 'n', COMMAND_NO, "no", "No"},
    {KEYS_ASK, INPUT_ENTER, COMMAND_NO, NULL, NULL},
    {KEYS_ASK, INPUT_ESCAPE, COMMAND_NO, NULL, NULL},
    {KEYS_ASK, 'q', COMMAND_NO, NULL, NULL},

    {KEYS_MAIN, 'b', COMMAND_BUILD, "build",
     "Build the marked services, or the one under the cursor"},
    {KEYS_MAIN | KEYS_LOG, 'x', COMMAND_STOP, "stop",
     "Stop the build, again: harder; take a waiting one out of the queue"},
    {KEYS_BUILD | KEYS_LOG, 'e', COMMAND_NEXT_ERROR, "error", "The next failed step"},
    {KEYS_BUILD | KEYS_LOG, 'E', COMMAND_PREVIOUS_ERROR, NULL, "The failed step before"},
    {KEYS_BUILD | KEYS_LOG | KEYS_HISTORY, 'R', COMMAND_BUILD_AGAIN, "again",
     "The same build again; one that runs is stopped first"},
    {TABLES, 'd', COMMAND_DELETE, "delete",
     "Plan the removal of the marked rows, or of the one under the cursor"},
    {TABLES, INPUT_DELETE, COMMAND_DELETE, NULL, NULL},
    {KEYS_MAIN, 'p', COMMAND_PRUNE_MENU, "prune",
     "Menu of what to prune: garbage, old caches, records"},
    {KEYS_MAIN, 'f', COMMAND_FREE, NULL, "Free so many bytes: what costs the next builds least"},
    {TABLES, ' ', COMMAND_MARK, "mark", "Mark or unmark the row"},
    {TABLES, '/', COMMAND_FILTER, "filter",
     "Filter: a text, or larger-than:1GB in-use:no ...; Esc: none"},
    {TABLES | ALL_PLANS, 's', COMMAND_SORT, "sort",
     "Reverse the order, then sort by the next column"},
    {KEYS_MAIN, 'l', COMMAND_LOG, "log", "The build's whole log"},
    {KEYS_MAIN, 'h', COMMAND_HISTORY, "history",
     "The last builds, bilge's and others': of the service under the cursor, or all"},
    {KEYS_HISTORY, INPUT_ENTER, COMMAND_OPEN, "open",
     "The build's steps; with two marked: compare them"},
    {KEYS_HISTORY, ' ', COMMAND_MARK, "mark", "Mark the build, to compare two"},
    {KEYS_RECORDS, ']', COMMAND_BUILDER_NEXT, "builder", "The next builder's records"},
    {KEYS_RECORDS, '[', COMMAND_BUILDER_PREVIOUS, NULL, "The previous builder's records"},
    {KEYS_MAIN, 'A', COMMAND_BUILD_ALL, NULL, "Build all services of the project"},
    {KEYS_MAIN, 'B', COMMAND_BUILD_NO_CACHE, NULL, "Build without any cache"},
    {KEYS_MAIN, 't', COMMAND_BUILD_TRADITIONAL, NULL,
     "Build the traditional way, without BuildKit"},
    {TABLES, 'a', COMMAND_MARK_ALL, NULL, "Mark all rows shown"},
    {TABLES, 'u', COMMAND_UNMARK_ALL, NULL, "Unmark all"},
    {KEYS_MAIN | KEYS_DOCTOR, 'r', COMMAND_RESCAN, "rescan", "Look at everything again"},
    {KEYS_MAIN, '!', COMMAND_DOCTOR, "doctor", "What is odd about machine, builders and caches"},
    {KEYS_MAIN, 'C', COMMAND_PLACES, NULL,
     "Builders with their nodes, and docker's contexts: choose one"},
    {KEYS_MAIN, 'D', COMMAND_DISKS, NULL,
     "The disks: free space of late, forecast, what was added"},

    {KEYS_LOG, 'f', COMMAND_FOLLOW, "follow", "Follow the end of the log"},
    {KEYS_LOG, 'w', COMMAND_WRAP, "wrap", "Wrap long lines"},
    {SEARCHED, '/', COMMAND_SEARCH, "search", "Search"},
    {SEARCHED, 'n', COMMAND_NEXT_MATCH, "next", "The next match"},
    {SEARCHED, 'N', COMMAND_PREVIOUS_MATCH, NULL, "The match before"},
    {KEYS_LOG, 's', COMMAND_SERVICE_NEXT, "service",
     "The next service's lines alone; after the last: all"},
    {KEYS_LOG, 'S', COMMAND_SERVICE_PREVIOUS, NULL, "The service before"},
    {KEYS_LOG, INPUT_ENTER, COMMAND_OPEN, NULL,
     "The step of the line alone, and among the others again"},
    {KEYS_LOG, '!', COMMAND_FIRST_ERROR, NULL, "The first failed step"},
    {KEYS_LOG, 't', COMMAND_TIMES, NULL, "The times before the lines off, and on again"},
    {KEYS_LOG, 'o', COMMAND_SAVE, "save", "Save what is shown, all of its lines, to a file"},
    {KEYS_BUILD | KEYS_LOG, 'c', COMMAND_PATHS, "path",
     "Copy a path: saved log, Dockerfile, context, cache"},

    {KEYS_MENU, INPUT_ENTER, COMMAND_OPEN, "choose", "Choose"},
    {KEYS_PLACES, INPUT_ENTER, COMMAND_OPEN, "go there",
     "A builder or node: its records; a context: the engine there from now on"},
    {TABLES, INPUT_ENTER, COMMAND_OPEN, "open", "Open the row: its details"},
    {KEYS_BUILD, INPUT_ENTER, COMMAND_OPEN, "open",
     "Open and close a service, or a step's output; on a line of it: the step's log"},
    {KEYS_BUILD, INPUT_RIGHT, COMMAND_RIGHT, NULL, "Open the service or step"},
    {KEYS_BUILD, INPUT_LEFT, COMMAND_LEFT, NULL, "Close it; again: up to what it belongs to"},
    {KEYS_BUILD, '-', COMMAND_FOLD_ALL, NULL, "Close all services, and open them again"},
    {TABLES, 'i', COMMAND_DETAILS, NULL, "Details of the row"},
    {KEYS_BUILD, 'i', COMMAND_DETAILS, NULL, "The log of the step alone"},
    {KEYS_MAIN, INPUT_TAB, COMMAND_NEXT_PANE, "pane", "The next pane"},
    {KEYS_MAIN, INPUT_BACK_TAB, COMMAND_PREVIOUS_PANE, NULL, "The pane before"},
    {KEYS_MAIN, 'z', COMMAND_ZOOM, NULL, "This pane alone on the screen, and all again"},
    {KEYS_MAIN, '1', COMMAND_PANE_1, NULL, "Services"},
    {KEYS_MAIN, '2', COMMAND_PANE_2, NULL, "Build cache"},
    {KEYS_MAIN, '3', COMMAND_PANE_3, NULL, "Build"},

    {LISTS | TEXTS, 'k', COMMAND_UP, NULL, "Up"},
    {LISTS | TEXTS, INPUT_UP, COMMAND_UP, NULL, NULL},
    {LISTS | TEXTS, 'j', COMMAND_DOWN, NULL, "Down"},
    {LISTS | TEXTS, INPUT_DOWN, COMMAND_DOWN, NULL, NULL},
    {LISTS | TEXTS, INPUT_PAGE_UP, COMMAND_PAGE_UP, NULL, "A page up"},
    {LISTS | TEXTS, INPUT_CTRL('u'), COMMAND_PAGE_UP, NULL, NULL},
    {LISTS | TEXTS, INPUT_PAGE_DOWN, COMMAND_PAGE_DOWN, NULL, "A page down"},
    {LISTS | TEXTS, INPUT_CTRL('d'), COMMAND_PAGE_DOWN, NULL, NULL},
    {KEYS_LOG, ' ', COMMAND_PAGE_DOWN, NULL, NULL},
    {LONG | TEXTS, 'g', COMMAND_TOP, NULL, "To the top"},
    {LONG | TEXTS, INPUT_HOME, COMMAND_TOP, NULL, NULL},
    {LONG | TEXTS, 'G', COMMAND_BOTTOM, NULL, "To the end"},
    {LONG | TEXTS, INPUT_END, COMMAND_BOTTOM, NULL, NULL},
    {KEYS_LOG, INPUT_LEFT, COMMAND_LEFT, NULL, "To the left"},
    {KEYS_LOG, INPUT_RIGHT, COMMAND_RIGHT, NULL, "To the right"},
    {KEYS_LOG, '0', COMMAND_LINE_START, NULL, "To the first column"},
    {KEYS_LOG, '$', COMMAND_LINE_END, NULL, "To the end of the longest line that is shown"},

    {HELPED, '?', COMMAND_HELP, "help", "The keys that work here"},
    {HELPED, INPUT_F1, COMMAND_HELP, NULL, NULL},
    {KEYS_MAIN, INPUT_ESCAPE, COMMAND_BACK, NULL, "Show all rows again"},
    {KEYS_MAIN, 'q', COMMAND_QUIT, "quit", "Quit; asks while a build or a prune of ours runs"},
    {BACKABLE, 'q', COMMAND_BACK, "back", "Back"},
    {BACKABLE, INPUT_ESCAPE, COMMAND_BACK, NULL, NULL},
    {KEYS_MAIN, 'm', COMMAND_MOUSE, NULL, "Mouse off, and on again"},

    {0, INPUT_CTRL('c'), COMMAND_QUIT_NOW, NULL, "Quit from anywhere; twice while a build runs"},
    {0, INPUT_CTRL('l'), COMMAND_REDRAW, NULL, "Draw the screen afresh"},
    {0, INPUT_CTRL('z'), COMMAND_SUSPEND, NULL, "Back to the shell for a while; fg returns"},
};
const size_t keymap_len = sizeof keymap / sizeof keymap[0];

enum command keymap_global(int key)
{
    for (size_t i = 0; i < keymap_len; i++)
        if (keymap[i].where == 0 && keymap[i].key == key)
            return keymap[i].command;
    return COMMAND_NONE;
}

enum command keymap_find(unsigned where, int key)
{
    for (size_t i = 0; i < keymap_len; i++)
        if ((keymap[i].where & where) != 0 && keymap[i].key == key)
            return keymap[i].command;
    return COMMAND_NONE;
}

const char *keymap_name(char out[KEYMAP_NAME_SIZE], int key, bool ascii)
{
    static const struct {
        int key;
        const char *name, *ascii;
    } names[] = {
        {INPUT_UP, "↑", "Up"},
        {INPUT_DOWN, "↓", "Down"},
        {INPUT_LEFT, "←", "Left"},
        {INPUT_RIGHT, "→", "Right"},
        {INPUT_PAGE_UP, "PgUp", "PgUp"},
        {INPUT_PAGE_DOWN, "PgDn", "PgDn"},
        {INPUT_HOME, "Home", "Home"},
        {INPUT_END, "End", "End"},
        {INPUT_BACK_TAB, "Shift-Tab", "Shift-Tab"},
        {INPUT_DELETE, "Del", "Del"},
        {INPUT_F1, "F1", "F1"},
        {INPUT_TAB, "Tab", "Tab"},
        {INPUT_ENTER, "Enter", "Enter"},
        {INPUT_ESCAPE, "Esc", "Esc"},
        {INPUT_BACKSPACE, "Backspace", "Backspace"},
        {' ', "Space", "Space"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].key == key) {
            snprintf(out, KEYMAP_NAME_SIZE, "%s", ascii ? names[i].ascii : names[i].name);
            return out;
        }
    }
    if (key < 32)
        snprintf(out, KEYMAP_NAME_SIZE, "Ctrl-%c", 'A' + key - 1);
    else
        snprintf(out, KEYMAP_NAME_SIZE, "%c", key);
    return out;
}

const char *keymap_keys(char out[KEYMAP_KEYS_SIZE], size_t index, unsigned where, bool ascii)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = index; i < keymap_len; i++) {
        if (i > index && keymap[i].note != NULL)
            break;
        if (where != 0 && (keymap[i].where & where) == 0)
            continue;
        char name[KEYMAP_NAME_SIZE];
        keymap_name(name, keymap[i].key, ascii);
        int more = snprintf(out + used, KEYMAP_KEYS_SIZE - used, "%s%s", used > 0 ? " " : "", name);
        if (more < 0 || (size_t)more >= KEYMAP_KEYS_SIZE - used)
            break;
        used += (size_t)more;
    }
    return out;
}
