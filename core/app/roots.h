/* Where the caches are: the directories that may hold some, and what is in which. */
#ifndef BILGE_APP_ROOTS_H
#define BILGE_APP_ROOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/strlist.h"
#include "core/bilge.h"
#include "core/cache/root.h"
#include "core/cache/scan.h"

struct hub;
struct lanes;
struct roots;

/* A directory that may hold caches. All work in it goes through its lane, and
 * through the root that was opened. Sites stay until roots_free(). */
struct site;

/* What comes of the searches, told as it happens. */
struct roots_ops {
    /* The rows of roots were put into the store. */
    void (*on_rows)(void *arg);
    /* A cache of the project leads to a directory that it uses, too. */
    void (*on_link)(void *arg);
    /* A site was looked for: where caches lie is known better than before. */
    void (*on_found)(void *arg);
    /* The names in it, as asked for by roots_list(); `whole`: those are all. */
    void (*on_names)(void *arg, struct site *site, struct strlist *names, bool whole);
    /* It was found, or is not there, for the first time. */
    void (*on_first)(void *arg, struct site *site);
    /* Its caches are to be read. */
    void (*on_scan)(void *arg, struct site *site);
    /* It does not answer any more, or does again. */
    void (*on_silence)(void *arg, struct site *site, bool silent);
    /* Searches or wishes for a scan have come or gone. */
    void (*on_search)(void *arg);
};

struct roots *roots_new(struct hub *hub, struct lanes *lanes, const struct bilge_options *options,
                        const struct roots_ops *ops, void *arg);
void roots_free(struct roots *roots);
/* What has not begun in its lanes does not begin. */
void roots_cancel(struct roots *roots);

/* Were any given by options? Else they come from the project. */
bool roots_are_given(const struct roots *roots);
void roots_from_options(struct roots *roots);
/* The project's paths lead to where they are from here on. */
void roots_from_project(struct roots *roots);
/* Looks for the site anew; then on_scan() comes. */
void roots_look(struct site *site);
/* The same for on_names(). */
void roots_list(struct site *site);
/* Puts what is known of the sites into the store. */
void roots_show(struct roots *roots);
/* Now and then: has one fallen silent, or does it answer again? True: one is silent. */
bool roots_note_silence(struct roots *roots);

/* The site that the directory lies in; NULL: none of ours. */
struct site *roots_site(const struct roots *roots, const char *path);
/* The same, opened; the caller releases it. *ret_lane (borrowed) is where to work with
 * it. NULL when it can't be opened. */
struct root *roots_open(const struct roots *roots, const char *path, struct lane **ret_lane);
/* The same, by the root's own path. */
struct root *roots_open_place(const struct roots *roots, const char *path, struct lane **ret_lane);
/* The directories that are roots themselves. The caller frees its items. */
void roots_apart(const struct roots *roots, const struct site *site, struct apart *ret_apart);
/* Adds two for each that was named by a path that leads elsewhere: that, and where it is. */
void roots_aliases(const struct roots *roots, struct strlist *aliases);

/* ---- sites */
/* The first, and the next: in the order in which they were named; NULL: no more. */
struct site *roots_first(const struct roots *roots);
struct site *site_next(const struct site *site);
struct lane *site_lane(const struct site *site);
/* NULL: site_err() tells why. Borrowed. */
struct root *site_root(const struct site *site);
/* Why it can't be opened, or read; its code is 0 when all is well. */
const struct err *site_err(const struct site *site);
/* As it was named; absolute. */
const char *site_given(const struct site *site);
/* What its caches lie in, as the rows have it. */
const char *site_place(const struct site *site);
/* What is looked at in it; none: every directory. */
const struct strlist *site_only(const struct site *site);
/* A search for it has come back. */
bool site_is_found(const struct site *site);
bool site_is_searched(const struct site *site);
/* Another site shows all that is there. */
bool site_is_hidden(const struct site *site);
/* Only where it is is looked up: other roots were named. */
bool site_is_outside(const struct site *site);
bool site_is_silent(const struct site *site);
/* Of one that is: one line. The caller frees it. */
char *site_silence(const struct site *site);
bool site_in_memory(const struct site *site);
void site_set_in_memory(struct site *site, bool in_memory);

/* ---- its scans, whose results scanning has */
/* Is to be scanned, once it was looked for. */
bool site_wants_scan(const struct site *site);
void site_want_scan(struct site *site);
/* One begins; its number. */
uint64_t site_begin_scan(struct site *site);
/* The number of the last one. */
uint64_t site_pass(const struct site *site);
/* NULL: it could be listed. */
void site_set_unlisted(struct site *site, const struct err *err);
/* One has come to its end. */
void site_end_scan(struct site *site);

#endif
