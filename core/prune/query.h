/* What to prune, as a person asked for it: shared by the screen's keys and
 * filters and by the command line. Conditions are combined with "and"; scopes
 * with "or". */
#ifndef BILGE_PRUNE_QUERY_H
#define BILGE_PRUNE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct builder;
struct expression;
struct record;
struct service;
struct store;

enum query_flag { QUERY_EITHER, QUERY_YES, QUERY_NO };

struct query {
    /* Scopes: what is looked at. */
    /* Cache directories as a whole: those of the services below. Where none is
     * named, those that are abandoned, and no others without a further word. */
    bool whole;
    bool live;            /* the current caches of this project's services, too */
    bool all;             /* each of them, whosever it is */
    bool garbage;         /* what no live generation reaches */
    int keep_generations; /* older generations but the newest N (live counts); 0: not asked */
    bool records;         /* builder records */
    /* Conditions: what of it. */
    /* Ids or names of rows; NULL: all. Of records these are the ones that belong
     * to no other service; what others use too, and guesses, are kept. */
    const char *const *services;
    size_t services_len;
    bool guesses;         /* take those, too, that only texts say are the services' */
    bool others;          /* and those that other services need */
    int64_t older_than_s; /* exported, or last used, longer ago; -1: any age */
    int64_t larger_than_bytes, smaller_than_bytes; /* 0: any size */
    /* Of records, or digests of blobs and manifests, written out; NULL: all.
     * Without a scope they are looked for everywhere. */
    const char *const *ids;
    size_t ids_len;
    /* Conditions on records alone. A description is what the builder says, and
     * what bilge makes of it ("RUN make"). */
    const char *type;  /* NULL: any */
    const char *match; /* extended regular expression (POSIX) on the description; NULL: any */
    /* Somewhere in what a list shows of it: its description, its type, the names
     * of its services; upper or lower case. NULL: any. */
    const char *text;
    enum query_flag in_use, shared;
    const char *builder; /* NULL: the selected one */
    /* Of what the scopes hold only the cheapest part that gives back so much;
     * 0: all of it. The next two go with it. */
    int64_t free_bytes;
    uint64_t disk_dev; /* only what lies on this file system; 0: anywhere */
    /* Plan the items of busy caches too instead of keeping them; becomes
     * plan.now. Only after a second, explained yes. */
    bool now;
};

/* A query with nothing asked. */
void query_init(struct query *query);

/* ERR_USAGE, with a line that says what is wrong, when nothing is asked for or
 * parts contradict each other. */
int query_check(const struct query *query, struct err *err);
/* The same for who only looks: of the conditions alone. */
int query_check_conditions(const struct query *query, struct err *err);
/* Has it conditions that only records can meet? */
bool query_is_of_records(const struct query *query);

/* ---- held against things: what a plan takes and what a list shows is decided
 * here and nowhere else. */

struct query_match {
    const struct query *query;
    int64_t now;
    struct expression *expression; /* NULL: none */
};

/* Borrows the query. ERR_USAGE for conditions that make no sense. */
int query_match_init(struct query_match *match, const struct query *query, int64_t now,
                     struct err *err);
void query_match_done(struct query_match *match);

/* An age that is not known (-1) meets only a query without one. */
bool query_match_age(const struct query_match *match, int64_t age_s);
bool query_match_size(const struct query_match *match, int64_t bytes);
bool query_match_id(const struct query_match *match, const char *id);
/* Seconds since its last use, or since it was made when it was never used; -1
 * when that is not known. */
int64_t query_record_age(const struct record *record, int64_t now);
/* All conditions on the builder's record `index` but ids and services. */
bool query_match_record(const struct query_match *match, const struct store *store,
                        const struct builder *builder, size_t index);
/* Is it of a service that the query names, perhaps among others, perhaps as a
 * guess? */
bool query_match_owner(const struct query_match *match, const struct store *store,
                       const struct builder *builder, size_t index);
/* A row of the services: its name has to have the text, and to match; it is in
 * use when it is busy, shared when others have links to its files. */
bool query_match_service(const struct query_match *match, const struct service *service);

/* ---- written in one line, as a filter is: "cargo larger-than:1GB in-use:no".
 * Words of the form NAME:VALUE are conditions with the names of the options of
 * the command line; `match:` takes the rest of the line; all other words are
 * the text. */

struct query_line {
    struct query query; /* no scopes; its strings live in the line */
    const char **services, **ids;
    char *words, *text;
};

/* ERR_USAGE for a value that makes no sense; then there is nothing to free. An
 * empty line asks for everything. */
int query_line_read(struct query_line *line, const char *typed, struct err *err);
void query_line_done(struct query_line *line);

#endif
