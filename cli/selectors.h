/* What prune and du were asked for on the command line, and the query that it
 * means. */
#ifndef BILGE_CLI_SELECTORS_H
#define BILGE_CLI_SELECTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "core/base/err.h"
#include "core/prune/query.h"

/* Conditions: both commands have them. */
struct condition_values {
    struct option_list services, ids;
    struct option_number older_than, larger_than, smaller_than, in_use, shared;
    const char *type, *match, *text;
};

#define CONDITION(values, member)                                                                  \
    (offsetof(struct values, conditions) + offsetof(struct condition_values, member))
/* Rows of a table of options, for a struct with a member `conditions`. */
#define CONDITION_OPTIONS(values)                                                                  \
    {"service",   0,                                                                               \
     OPTION_LIST, CONDITION(values, services),                                                     \
     "NAME",      "of this service (repeatable)"},                                                 \
        {"older-than", 0,                                                                          \
         OPTION_AGE,   CONDITION(values, older_than),                                              \
         "AGE",        "exported, or last used, longer ago: 90s 15m 24h 7d 2w"},                   \
        {"larger-than", 0,                                                                         \
         OPTION_SIZE,   CONDITION(values, larger_than),                                            \
         "SIZE",        "of a size over this: 500MB 10GB 2GiB"},                                   \
        {"smaller-than",        0, OPTION_SIZE, CONDITION(values, smaller_than), "SIZE",           \
         "of a size under this"},                                                                  \
        {"type",      0,                                                                           \
         OPTION_TEXT, CONDITION(values, type),                                                     \
         "TYPE",      "records of this type: regular, source.local, exec.cachemount, ..."},        \
        {"match",     0,                                                                           \
         OPTION_TEXT, CONDITION(values, match),                                                    \
         "REGEX",     "records whose description matches (extended regular expression)"},          \
        {"text",      0,                                                                           \
         OPTION_TEXT, CONDITION(values, text),                                                     \
         "TEXT",      "records with this text in description, type or service"},                   \
        {"in-use",      0,                                                                         \
         OPTION_YES_NO, CONDITION(values, in_use),                                                 \
         "yes|no",      "records that are in use, or are not"},                                    \
        {"shared",      0,                                                                         \
         OPTION_YES_NO, CONDITION(values, shared),                                                 \
         "yes|no",      "records that an image shares, or none does"},                             \
    {                                                                                              \
        "id", 0, OPTION_LIST, CONDITION(values, ids), "ID",                                        \
            "this record, generation or blob (repeatable)"                                         \
    }

struct prune_values {
    struct condition_values conditions;
    struct option_number keep_generations, free;
    struct option_number abandoned_after;
    bool garbage, records, live, all;
    bool guesses, others;
    bool dry_run, yes, wait, now;
};

extern const struct option_spec selectors_options[];

/* The query borrows from the values. ERR_USAGE when nothing is asked for or
 * parts contradict each other. `builder` may be NULL: the selected one. */
int selectors_query(const struct prune_values *values, const char *builder, struct query *ret_query,
                    struct err *err);

/* The conditions alone, for who looks at records only. */
int selectors_conditions(const struct condition_values *values, struct query *ret_query,
                         struct err *err);

#endif
