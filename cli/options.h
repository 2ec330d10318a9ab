/* Options from tables. One table per command says what its options are called,
 * what they take and where the value goes; reading, --help and the test of the
 * manual page and of the completions all work from it.
 *
 * Not getopt_long(): that one also takes any unambiguous beginning of a name,
 * and in a tool that deletes, --a must not mean --all. */
#ifndef BILGE_CLI_OPTIONS_H
#define BILGE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"

/* Where the value goes, by kind. */
enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char *; borrows from argv */
    OPTION_LIST,    /* struct option_list; may be given several times */
    OPTION_AGE,     /* struct option_number, seconds */
    OPTION_SIZE,    /* struct option_number, bytes, from 1 */
    OPTION_COUNT,   /* struct option_number, from 1 */
    OPTION_YES_NO,  /* struct option_number, 1 or 0 */
    OPTION_REFUSED, /* a habit from another tool: `help` is the error; not in --help */
};

struct option_list {
    const char **items; /* borrowed from argv */
    size_t len, cap;
};

struct option_number {
    bool given;
    int64_t value;
};

struct option_spec {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* of the short form; 0: none */
    enum option_kind kind;
    size_t offset;     /* of the value in the struct that the table fills */
    const char *value; /* what --help calls the value: "AGE"; NULL for a flag */
    const char *help;
};

/* A table and the struct that it fills. */
struct option_set {
    const struct option_spec *specs;
    void *values;
};

/* Reads argv[0..argc) with the options of all sets; what stands in more than
 * one is found in the first. "--" ends the options. An option that needs a
 * value takes no word that begins with '-': in "-f --dry-run", somebody took -f
 * for a flag. "--file=-x" gives it such a value all the same. With `operands`
 * NULL it stops at the first operand. Adds what it has used up to *ret_used.
 * ERR_USAGE with a line that says what is wrong. */
int options_read(const struct option_set *sets, size_t sets_len, int argc, char **argv,
                 struct option_list *operands, int *ret_used, struct err *err);

void option_list_done(struct option_list *list);
/* Frees what reading has taken for the set's values. */
void options_done(const struct option_set *set);

/* The lines of --help for one table. */
void options_print(const struct option_spec *specs, FILE *out);

#endif
