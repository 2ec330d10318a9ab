/* What a person has settled once and for all, in a file: one const table says
 * which settings there are. Reading, the listing of `bilge settings` and the
 * manual's section are made from it.
 *
 *     cache-root = ~/caches        ; settings without a section come first
 *     [disk]
 *     amber = 85%
 *
 * The form is that of libinih: "name = value" or "name: value", sections in
 * brackets, comments after ';' (also behind a value) and '#'. */
#ifndef BILGE_SETTINGS_SETTINGS_H
#define BILGE_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/threshold.h"

struct settings_list {
    char **items;
    size_t len, cap;
};

enum settings_notify {
    SETTINGS_NOTIFY_NONE,
    SETTINGS_NOTIFY_BELL,
    SETTINGS_NOTIFY_OSC9,
    SETTINGS_NOTIFY_BOTH
};
enum settings_color { SETTINGS_COLOR_AUTO, SETTINGS_COLOR_ALWAYS, SETTINGS_COLOR_NEVER };

struct settings {
    struct settings_list cache_roots; /* absolute */
    int64_t abandoned_after;          /* seconds */
    struct threshold disk_amber, disk_red;
    struct settings_list build_args; /* "NAME=value" */
    struct settings_list build_profiles;
    bool build_pull, build_no_cache;
    int build_notify; /* enum settings_notify */
    int64_t build_parallel;
    int64_t log_memory;                       /* bytes */
    int64_t guard_keep_free;                  /* bytes; 0: not set */
    int64_t guard_interval, guard_older_than; /* seconds; 0: not set */
    int ui_color;                             /* enum settings_color */
    bool ui_ascii, ui_mouse;
    uint64_t given; /* one bit for each row of the table */
};

/* What a value looks like, and what it becomes in struct settings. */
enum setting_kind {
    SETTING_FLAG,        /* bool: yes no true false on off 1 0 */
    SETTING_CHOICE,      /* int: the index of the word in `choices` */
    SETTING_COUNT,       /* int64_t */
    SETTING_SIZE,        /* int64_t, bytes */
    SETTING_AGE,         /* int64_t, seconds */
    SETTING_LEVEL,       /* struct threshold */
    SETTING_DIRECTORIES, /* struct settings_list: absolute paths, "~/" is $HOME */
    SETTING_WORDS,       /* struct settings_list: no blanks, no '-' in front */
    SETTING_ASSIGNMENTS, /* struct settings_list: NAME=value */
};

struct setting {
    const char *section; /* "": none */
    const char *name;
    enum setting_kind kind;
    size_t offset;
    int64_t min, max;           /* of COUNT, SIZE and AGE */
    const char *const *choices; /* of CHOICE; NULL-terminated */
    const char *fallback;       /* the default, as it would stand in the file; NULL: none */
    const char *example;        /* of a setting without a default */
    const char *help;           /* a sentence without its full stop */
};

extern const struct setting settings_table[];
extern const size_t settings_table_len;

/* Fills in the defaults. */
void settings_init(struct settings *settings);
void settings_done(struct settings *settings);

/* "disk.amber". The caller frees it. */
char *setting_name(const struct setting *setting);
/* "yes|no", "SIZE", "AGE", … */
void setting_append_form(const struct setting *setting, struct buf *buf);
/* May it be given several times? */
bool setting_is_list(const struct setting *setting);
/* The setting of that name; NULL: there is none. */
const struct setting *settings_find(const char *section, const char *name);
bool settings_has_section(const char *section);
bool settings_is_given(const struct settings *settings, const struct setting *setting);

/* Sets it from the text of a file. ERR_USAGE with what is wrong; nothing has
 * changed then. */
int settings_set(struct settings *settings, const struct setting *setting, const char *text,
                 struct err *err);

/* How many values it has: 0 or 1, more for a list. */
size_t setting_values(const struct settings *settings, const struct setting *setting);
/* Appends the index-th one in a form that settings_set() takes. */
void setting_append_value(const struct settings *settings, const struct setting *setting,
                          size_t index, struct buf *buf);

/* $XDG_CONFIG_HOME/bilge/bilge.conf, else ~/.config/bilge/bilge.conf; NULL
 * without a home. The caller frees it. */
char *settings_default_path(void);

#define SETTINGS_LINE_MAX 198 /* bytes: libinih's */
#define SETTINGS_FILE_MAX (256 * 1024)

/* Reads the file into *settings. ERR_USAGE naming file and line when something
 * in it makes no sense; another code when it can't be read, or is no file. One
 * that is not there is an error with `must_exist`, else *ret_found (may be NULL)
 * says so. */
int settings_read(struct settings *settings, const char *path, bool must_exist, bool *ret_found,
                  struct err *err);
/* The same of an open file that errors call `path`. */
int settings_parse(struct settings *settings, FILE *file, const char *path, struct err *err);

#endif
