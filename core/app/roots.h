/* Where the caches are: the directories that may hold some, and who lies in which. */
#ifndef BILGE_APP_ROOTS_H
#define BILGE_APP_ROOTS_H

#include "core/app/app.h"
#include "core/app/space.h"
#include "core/cache/scan.h"
#include "core/cache/watch.h"

enum site_kind {
    SITE_NAMED,   /* by an option or the settings: it has to be there */
    SITE_USUAL,   /* nobody named any */
    SITE_PROJECT, /* caches of the project lie in it */
    SITE_OUTSIDE, /* so they do, but other roots were named: only where it is is looked up */
};

/* A directory that may hold caches. All work in it goes through its lane, and
 * through the root that was opened. */
struct site {
    struct site *next;
    struct bilge *bilge;
    enum site_kind kind;
    char *given;          /* as it was named; absolute */
    struct strlist names;   /* the caches in it that the project names */
    struct lane *lane;

    /* What the last search for it came to. */
    struct finding *finding; /* a search under way */
    bool find_again, scan_wanted, list_wanted;
    bool found;              /* one has come back */
    struct root *root;       /* NULL: see err */
    struct err err;          /* why it can't be opened, or read; its code is 0 when all is well */
    struct err unlisted;     /* why the last scan could not list it */
    char *path;              /* where it is, as far as it could be followed */
    char *shown;             /* the same in the rows: of two names for one place, the first's */
    char *place;             /* what its caches lie in, likewise */
    char *single;            /* it is a cache itself, of this name; `root` is what it lies in */
    bool shared;             /* much else lies there, so only `names` are caches */
    struct apart own;        /* the caches in it, then */
    bool hidden;             /* another site shows all that is there */
    struct strlist only;       /* what is looked at in it; none: every directory */

    struct scan *scan;       /* of all of it */
    uint64_t pass;           /* the number of its last one */
    bool scanned;            /* one has come to its end */
    struct rescan *rescans;  /* of single caches: queued and running */
    struct watch *watch;
    uint64_t recovery;       /* the number of the last look for what is unfinished */
    struct recovery *recoveries; /* under way */
    struct space space;      /* of its disk, as it was seen last */
    bool space_awaited;
    bool in_memory;
    int64_t silent_ms;       /* it has not answered for so long; 0: it does */
};

void roots_from_options(struct bilge *bilge);
/* The project's paths lead to where they are from here on. */
void roots_from_project(struct bilge *bilge);
/* Looks for the site anew; then scans it, or (list) compares its list of directories
 * with the rows. */
void roots_look(struct site *site, bool list);
/* Puts what is known of the sites into the store. */
void roots_show(struct bilge *bilge);
struct site *roots_site(const struct bilge *bilge, const char *path);
/* The same, opened; the caller releases it. *ret_lane (borrowed) is where to work with
 * it. NULL when it can't be opened. */
struct root *roots_open(const struct bilge *bilge, const char *path, struct lane **ret_lane);
/* The same, by the root's own path. */
struct root *roots_open_place(const struct bilge *bilge, const char *path,
                              struct lane **ret_lane);
/* Has all work in this lane hung for so long that nobody waits for it any more? */
bool roots_hang(const struct bilge *bilge, struct lane *lane);
/* Of a site that does not answer: one line. The caller frees it. */
char *roots_silence(const struct site *site);
/* For lanes; the argument is the bilge. While one has something to do it is looked
 * whether it gets any further. */
lane_turn_cb roots_turn;
/* The directories that are roots themselves. The caller frees its items. */
void roots_apart(const struct bilge *bilge, const struct site *site, struct apart *ret_apart);
/* While closing: nothing runs any more, but for what hangs and has had a moment: that
 * is left behind. */
bool roots_at_rest(struct bilge *bilge);
void roots_close(struct bilge *bilge);
void roots_free(struct bilge *bilge);

#endif
