/* One headless command: what it is called, which options and operands it
 * takes, and the function that does it. The table of all commands is in
 * main.c; --help is made from it (program.h). */
#ifndef BILGE_CLI_COMMAND_H
#define BILGE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "core/base/err.h"
#include "core/bilge.h"
#include "core/settings/settings.h"

/* A promise to scripts: see the manual page. */
enum exit_code {
    EXIT_DONE = 0, /* also when there was nothing to do */
    EXIT_FAILED = 1,
    EXIT_BAD_USAGE = 2,
    EXIT_PARTLY = 3,
    EXIT_INTERRUPTED = 130,
};

/* Options that stand before or after any command. */
struct globals {
    struct option_list cache_roots;
    const char *compose_file;
    const char *context;
    const char *builder;
    const char *config;           /* settings file; NULL: the default one */
    char *default_config;         /* NULL: no home */
    const char *settings_path;    /* where the settings come from; NULL: there is no file */
    struct settings settings;     /* once globals_read_settings() was called */
    char *history_path;           /* NULL: no home, so nothing is remembered */
    struct option_number timeout; /* seconds */
    bool json;
    bool no_color_asked; /* by --no-color */
    bool no_color;       /* also when the settings, or NO_COLOR, say so */
    bool read_only;
    bool ascii, no_mouse; /* of the screen */
    bool help, version;
};

struct command {
    const char *name;
    const char *operands; /* as --help shows them: "[SERVICE...]"; NULL: takes none */
    const char *summary;
    const char *details;               /* NULL, or lines for --help */
    const struct option_spec *options; /* of a struct of its own, all zero at first */
    size_t values_size;
    /* NULL: a program of its own does it, see helper.h, and all but name and summary is there. */
    enum exit_code (*run)(const struct globals *globals, const void *values,
                          const struct option_list *operands);
};

extern const struct command command_build;
extern const struct command command_dedupe;
extern const struct command command_doctor;
extern const struct command command_du;
extern const struct command command_guard;
extern const struct command command_history;
extern const struct command command_prune;
extern const struct command command_restore;
extern const struct command command_settings;
extern const struct command command_status;
extern const struct command command_verify;

/* The command that is a program of its own says the same in its --help. */
#define COMMAND_BENCH_SUMMARY                                                                      \
    "Measure the original build against the optimised one, in four scenarios."

/* Reads the settings file, and puts what it says where no option has said
 * otherwise. ERR_USAGE when it makes no sense. */
int globals_read_settings(struct globals *globals, struct err *err);

/* What bilge_open() gets from options and settings. Borrows from `globals`. */
struct bilge_options globals_options(const struct globals *globals);

/* "bilge: " and one line, on stderr. Text of any origin is made safe. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complains, and says how the program ends on such an error. */
enum exit_code complain_err(const struct err *err);

#endif
