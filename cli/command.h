/* One headless command: what it is called, which options and operands it
 * takes, and the function that does it. The table of all commands is in
 * main.c; --help is made from it. */
#ifndef BILGE_CLI_COMMAND_H
#define BILGE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "core/base/err.h"
#include "core/bilge.h"

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
    char *history_path; /* NULL: no home, so nothing is remembered */
    bool json;
    bool no_color; /* also when NO_COLOR is set in the environment */
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
extern const struct command command_status;
extern const struct command command_verify;

/* What bilge_open() gets from the options. Borrows from `globals`. */
struct bilge_options globals_options(const struct globals *globals);

/* "bilge: " and one line, on stderr. Text of any origin is made safe. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complains, and says how the program ends on such an error. */
enum exit_code complain_err(const struct err *err);

#endif
