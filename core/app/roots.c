/* Where the caches are: the directories given on the command line; else the
 * parents of the project's cache_to paths; else /tmp/docker-cache.
 *
 *      named ──► site ──► search, on its lane ──► root (open) ──► rows of the store
 *
 * Nothing below a site is looked at on the loop: it may lie on a disk, or a server,
 * that does not answer. Such a site is silent: it is said, and nobody waits for it. */
#include "core/app/roots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/oci/layout.h"

#define DEFAULT_ROOT "/tmp/docker-cache"
#define NAMES_MAX 100000

enum site_kind {
    SITE_NAMED,   /* by an option or the settings: it has to be there */
    SITE_USUAL,   /* nobody named any */
    SITE_PROJECT, /* caches of the project lie in it */
    SITE_OUTSIDE, /* so they do, but other roots were named: only where it is is looked up */
};

struct site {
    struct site *next;
    struct roots *roots;
    enum site_kind kind;
    char *given;          /* as it was named; absolute */
    struct strlist names; /* the caches in it that the project names */
    struct lane *lane;

    /* What the last search for it came to. */
    struct finding *finding; /* a search under way */
    bool find_again, scan_wanted, list_wanted;
    bool found;          /* one has come back */
    struct root *root;   /* NULL: see err */
    struct err err;      /* why it can't be opened, or read; its code is 0 when all is well */
    struct err unlisted; /* why the last scan could not list it */
    char *path;          /* where it is, as far as it could be followed */
    char *shown;         /* the same in the rows: of two names for one place, the first's */
    char *place;         /* what its caches lie in, likewise */
    char *single;        /* it is a cache itself, of this name; `root` is what it lies in */
    bool shared;         /* much else lies there, so only `names` are caches */
    struct apart own;    /* the caches in it, then */
    bool hidden;         /* another site shows all that is there */
    struct strlist only; /* what is looked at in it; none: every directory */

    uint64_t pass; /* the number of its last scan */
    bool scanned;  /* one has come to its end */
    bool in_memory;
    int64_t silent_ms; /* it has not answered for so long; 0: it does */
};

struct roots {
    struct hub *hub;
    struct store *store;
    struct lanes *lanes;
    struct roots_ops ops;
    void *arg;
    struct strlist given; /* none: from the project */
    struct site *sites;   /* in the order in which they were named */
    uint64_t last_pass;
};

/* A search for a site's directory. */
struct finding {
    struct job job;
    struct site *site; /* of the loop alone */
    char *given;
    enum site_kind kind;
    uid_t invoker;
    char *homes[3];        /* HOME, TMPDIR, the project's directory */
    struct strlist caches; /* that the project names in it */
    struct apart apart;
    bool was_single;         /* it has been a cache itself: it stays one, whatever is in it now */
    bool list;               /* its names are asked for, too */
    struct strlist only;     /* of these it is asked whether they are there; none: all */
    struct root_found found; /* out, as all below */
    char *single;
    bool shared;
    struct apart own;
    struct strlist names;
    bool whole_list;
    struct strlist links, targets; /* caches of it that are symlinks, and where each leads */
};

/* ------------------------------------------------------------ the search */

static bool is_at_or_above(const char *above, const char *path)
{
    size_t len = strlen(above);
    return strcmp(above, "/") == 0 ||
           (strncmp(above, path, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* A place where much else lies: not every directory in it is a cache. */
static bool is_shared_place(const char *path, char *const homes[3])
{
    static const char *const known[] = {
        "/",    "/dev/shm", "/home", "/mnt",   "/opt",       "/root",    "/run",     "/srv",
        "/tmp", "/usr",     "/var",  "/media", "/var/cache", "/var/lib", "/var/tmp",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], path) == 0)
            return true;
    bool shared = false;
    for (size_t i = 0; i < 3 && !shared; i++) {
        if (homes[i] == NULL || homes[i][0] != '/')
            continue;
        char *place = path_canonical(homes[i]);
        shared = strcmp(place, path) == 0 || (i == 2 && is_at_or_above(path, place));
        free(place);
    }
    return shared;
}

static void add_own(struct finding *finding, uint64_t dev, uint64_t ino)
{
    struct apart *own = &finding->own;
    own->items = mem_realloc(own->items, (own->len + 1) * sizeof *own->items);
    own->items[own->len++] = (struct inode){dev, ino};
}

/* A directory that is a cache itself is looked at from the one that it lies in. */
static void find_single(struct finding *finding)
{
    struct root *root = finding->found.root, *above;
    if (finding->kind == SITE_OUTSIDE || strcmp(root->path, "/") == 0 ||
        (!finding->was_single && !cache_has_layout(root->fd)))
        return;
    if (root_above(root, &above, &finding->found.err) == 0) {
        add_own(finding, root->dev, root->ino);
        finding->single = mem_strdup(path_name(root->path));
        finding->found.root = above;
    } else {
        finding->found.root = NULL;
    }
    root_release(root);
}

static int add_name(void *arg, const char *name, enum fs_type type)
{
    struct finding *finding = arg;
    struct fs_stat stat;
    bool maybe_directory = type == FS_DIR || type == FS_OTHER;
    if (!maybe_directory || strncmp(name, ".bilge-", 7) == 0)
        return 0;
    if (finding->apart.len > 0 && fs_stat_at(finding->found.root->fd, name, &stat, NULL) == 0 &&
        apart_has(&finding->apart, stat.dev, stat.ino))
        return 0;
    strlist_add(&finding->names, name);
    return finding->names.len >= NAMES_MAX;
}

/* The caches in a place that holds much else. */
static void find_own(struct finding *finding)
{
    struct fs_stat stat;
    for (size_t i = 0; i < finding->caches.len; i++)
        if (fs_stat_at(finding->found.root->fd, finding->caches.items[i], &stat, NULL) == 0)
            add_own(finding, stat.dev, stat.ino);
}

static void list(struct finding *finding)
{
    struct fs_stat stat;
    int fd = finding->found.root->fd;
    for (size_t i = 0; i < finding->only.len; i++)
        if (fs_stat_at(fd, finding->only.items[i], &stat, NULL) == 0)
            strlist_add(&finding->names, finding->only.items[i]);
    finding->whole_list = finding->only.len > 0 || fs_each(fd, add_name, finding, NULL) == 0;
}

/* What the project's caches that are symlinks lead to is used by the project, too. */
static void find_links(struct finding *finding)
{
    const struct root *root = finding->found.root;
    struct fs_stat stat;
    for (size_t i = 0; i < finding->caches.len; i++) {
        const char *name = finding->caches.items[i];
        if (fs_stat_at(root->fd, name, &stat, NULL) < 0 || stat.type != FS_SYMLINK)
            continue;
        char *path = path_join(root->path, name);
        strlist_add(&finding->links, name);
        strlist_put(&finding->targets, path_canonical(path));
        free(path);
    }
}

static void find_run(struct job *job)
{
    struct finding *finding = (struct finding *)job;
    if (root_find(finding->given, finding->invoker, &finding->found) == 0)
        find_single(finding);
    finding->shared =
        finding->kind == SITE_PROJECT && is_shared_place(finding->found.path, finding->homes);
    if (finding->shared && finding->found.root != NULL && finding->single == NULL)
        find_own(finding);
    if (finding->list && finding->found.root != NULL)
        list(finding);
    if (finding->found.root != NULL && finding->single == NULL)
        find_links(finding);
}

static void finding_free(struct finding *finding)
{
    root_found_done(&finding->found);
    for (size_t i = 0; i < 3; i++)
        free(finding->homes[i]);
    strlist_done(&finding->caches);
    strlist_done(&finding->only);
    strlist_done(&finding->names);
    strlist_done(&finding->links);
    strlist_done(&finding->targets);
    free(finding->own.items);
    free(finding->apart.items);
    free(finding->single);
    free(finding->given);
    free(finding);
}

/* ------------------------------------------------------- sites and places */

/* Is every directory in it a cache, as far as is known? */
static bool is_whole(const struct site *site)
{
    return !site->found || (site->single == NULL && !site->shared);
}

/* Do the rows of both lie in the same directory? */
static bool is_same_place(const struct site *a, const struct site *b)
{
    if (!a->found || !b->found)
        return false;
    if (a->root == NULL || b->root == NULL)
        return a->root == b->root && strcmp(a->path, b->path) == 0;
    return root_same(a->root, b->root);
}

/* The name of its place: that of the first site that is there. Not kept. */
static const char *place_of(const struct roots *roots, const struct site *site)
{
    const struct site *first = roots->sites;
    while (first != site && !is_same_place(first, site))
        first = first->next;
    return !first->found ? first->given : first->root != NULL ? first->root->path : first->path;
}

static bool has_cover(const struct roots *roots, const struct site *site, const char *name)
{
    bool earlier = true;
    for (const struct site *other = roots->sites; other != NULL; other = other->next) {
        earlier &= other != site;
        if (other == site || other->kind == SITE_OUTSIDE || !is_same_place(other, site))
            continue;
        if (is_whole(other) ? name != NULL || earlier
                            : earlier && name != NULL && strlist_has(&other->only, name))
            return true;
    }
    return false;
}

/* Each directory is shown once, by a site that has all of its place before one that
 * has single ones, else by the first. */
static void decide(struct roots *roots, struct site *site)
{
    const struct strlist single = {.items = &site->single, .len = 1};
    const struct strlist *names = site->single != NULL ? &single : &site->names;
    strlist_done(&site->only);
    site->hidden = site->kind == SITE_OUTSIDE;
    if (site->hidden)
        return;
    if (is_whole(site)) {
        site->hidden = has_cover(roots, site, NULL);
        return;
    }
    for (size_t i = 0; i < names->len; i++)
        if (!has_cover(roots, site, names->items[i]))
            strlist_add(&site->only, names->items[i]);
    site->hidden = site->only.len == 0;
}

/* ------------------------------------------------------------------ the rows */

char *site_silence(const struct site *site)
{
    char age[TEXT_AGE_SIZE];
    const char *path = site->shown != NULL ? site->shown : site->given;
    return mem_printf("%s does not answer (%s)", path, text_age(age, site->silent_ms / 1000));
}

static void fill_row(const struct site *site, struct cache_root *row)
{
    bool absent = site->err.code == -ENOENT && site->kind != SITE_NAMED;
    row->site = (struct site *)site;
    row->silent = site->silent_ms > 0;
    row->in_memory = site->in_memory;
    if (row->silent) {
        row->load = LOAD_FAILED;
        row->error = site_silence(site);
    } else if (site->err.code < 0 && !absent) {
        row->load = LOAD_FAILED;
        row->error = mem_strdup(site->err.text);
    } else {
        row->load = site->scanned || absent ? LOAD_DONE : LOAD_PENDING;
    }
}

static void put_rows(struct roots *roots)
{
    struct store *store = roots->store;
    store_clear_roots(store);
    for (const struct site *site = roots->sites; site != NULL; site = site->next) {
        if (!site->hidden && is_whole(site))
            fill_row(site, store_put_root(store, site->place, NULL));
        for (size_t i = 0; i < site->only.len && !site->hidden; i++)
            fill_row(site, store_put_root(store, site->place, site->only.items[i]));
    }
}

/* ---------------------------------------------------- the project's paths */

/* A service's cache path, by its number; NULL: it has no more. */
static char **cache_path(struct compose_service *service, size_t index)
{
    if (index < service->cache_to_len)
        return &service->cache_to[index];
    index -= service->cache_to_len;
    return index < service->cache_from_len ? &service->cache_from[index] : NULL;
}

typedef void path_cb(struct roots *roots, char **path);

static void each_path(struct roots *roots, path_cb *cb)
{
    struct compose_project *project = roots->store->project;
    char **path;
    for (size_t i = 0; project != NULL && i < project->services_len; i++)
        for (size_t j = 0; (path = cache_path(&project->services[i], j)) != NULL; j++)
            cb(roots, path);
}

static struct site *site_called(const struct roots *roots, const char *path)
{
    struct site *site = roots->sites;
    while (site != NULL && strcmp(site->given, path) != 0 &&
           (site->shown == NULL || strcmp(site->shown, path) != 0))
        site = site->next;
    return site;
}

/* Where the directory itself is. The caller frees it. */
static char *whereabouts(const struct roots *roots, const struct site *site)
{
    const char *place = place_of(roots, site);
    return site->single != NULL ? path_join(place, site->single) : mem_strdup(place);
}

static void lead_path(struct roots *roots, char **path)
{
    char *above = path_parent(*path);
    const struct site *site = site_called(roots, above);
    if (site != NULL && site->found) {
        char *place = whereabouts(roots, site), *whole = path_join(place, path_name(*path));
        free(*path);
        *path = whole;
        free(place);
    }
    free(above);
}

void roots_show(struct roots *roots)
{
    /* What a site has alone is worked out after those that have all of a place. */
    for (struct site *site = roots->sites; site != NULL; site = site->next)
        if (is_whole(site))
            decide(roots, site);
    for (struct site *site = roots->sites; site != NULL; site = site->next)
        if (!is_whole(site))
            decide(roots, site);
    each_path(roots, lead_path);
    for (struct site *site = roots->sites; site != NULL; site = site->next) {
        char *shown = whereabouts(roots, site);
        free(site->shown);
        site->shown = shown;
        mem_replace(&site->place, place_of(roots, site));
    }
    put_rows(roots);
    roots->ops.on_rows(roots->arg);
    hub_moved(roots->hub);
}

/* ------------------------------------------------------------- what was found */

static void start_scans(struct roots *roots)
{
    for (const struct site *site = roots->sites; site != NULL; site = site->next)
        if (!site->found && site->kind != SITE_OUTSIDE && site->silent_ms == 0)
            return; /* what lies in what is not known yet */
    for (struct site *site = roots->sites; site != NULL; site = site->next)
        if (site->scan_wanted && site->found && site->finding == NULL) {
            site->scan_wanted = false;
            site->roots->ops.on_scan(site->roots->arg, site);
        }
}

static bool is_below(const char *path, const char *above)
{
    return strcmp(path, above) != 0 && is_at_or_above(above, path);
}

/* It lies in another one, which has counted it by now. */
static void count_anew_around(const struct site *site)
{
    struct roots *roots = site->roots;
    for (struct site *other = roots->sites; site->root != NULL && other != NULL;
         other = other->next)
        if (other != site && other->pass > 0 && other->root != NULL &&
            is_below(site->root->path, other->root->path))
            other->scan_wanted = true;
}

static void take_root(struct site *site, struct finding *finding, bool *ret_moved)
{
    struct root *root = finding->found.root;
    *ret_moved = false;
    /* A cache that was named itself, and was pruned: there may be a new one soon. */
    if (finding->found.err.code == -ENOENT && site->single != NULL)
        return;
    bool known = site->found && root != NULL && site->root != NULL && root_same(root, site->root) &&
                 strcmp(root->path, site->root->path) == 0 &&
                 (finding->single == NULL) == (site->single == NULL);
    *ret_moved = !known && (root != NULL || site->root != NULL || !site->found);
    if (!known) {
        site->unlisted = (struct err){0};
        root_release(site->root);
        site->root = root;
        finding->found.root = NULL;
    }
    free(site->single);
    site->single = finding->single;
    finding->single = NULL;
    site->shared = finding->shared;
    free(site->own.items);
    site->own = finding->own;
    finding->own = (struct apart){0};
    mem_replace(&site->path, finding->found.path);
    /* That it can be opened says nothing of whether it could be listed. */
    site->err = finding->found.err.code < 0 ? finding->found.err : site->unlisted;
}

static void look_now(struct site *site);

static void take_link(struct site *site, const char *name, const char *target)
{
    struct compose_project *project = site->roots->store->project;
    char *link = path_join(site->place, name), **path;
    for (size_t i = 0; project != NULL && i < project->services_len; i++) {
        struct compose_service *service = &project->services[i];
        for (size_t j = 0; (path = cache_path(service, j)) != NULL; j++)
            if (strcmp(*path, link) == 0 && !strlist_has(&service->leads_to, target)) {
                strlist_add(&service->leads_to, target);
                site->roots->ops.on_link(site->roots->arg);
            }
    }
    free(link);
}

static void find_done(struct job *job, bool cancelled)
{
    struct finding *finding = (struct finding *)job;
    struct site *site = finding->site;
    struct roots *roots = site->roots;
    bool moved = false;
    site->finding = NULL;
    if (hub_is_closing(roots->hub)) {
        finding_free(finding);
        return;
    }
    if (cancelled) {
        free(finding->found.path);
        finding->found = (struct root_found){.path = mem_strdup(finding->given), .above_fd = -1};
        err_sys(&finding->found.err, -EAGAIN, "cannot open cache root %s", finding->given);
    }
    bool first = !site->found;
    take_root(site, finding, &moved);
    site->found = true;
    if (moved && !first)
        count_anew_around(site);
    roots_show(roots);
    for (size_t i = 0; i < finding->links.len && site->place != NULL; i++)
        take_link(site, finding->links.items[i], finding->targets.items[i]);
    roots->ops.on_found(roots->arg);
    if (site->find_again) {
        look_now(site);
    } else if (site->scan_wanted || moved) {
        site->scan_wanted = true;
    } else if (finding->list) {
        roots->ops.on_names(roots->arg, site, &finding->names, finding->whole_list);
    }
    if (first) {
        count_anew_around(site);
        roots->ops.on_first(roots->arg, site);
    }
    start_scans(roots);
    roots->ops.on_search(roots->arg);
    finding_free(finding);
}

static void look_now(struct site *site)
{
    struct roots *roots = site->roots;
    const struct compose_project *project = roots->store->project;
    struct finding *finding = mem_zalloc(sizeof *finding);
    site->find_again = false;
    finding->job.run = find_run;
    finding->job.done = find_done;
    finding->site = site;
    finding->given = mem_strdup(site->given);
    finding->kind = site->kind;
    finding->invoker = root_invoker();
    finding->found.above_fd = -1;
    mem_replace(&finding->homes[0], getenv("HOME"));
    mem_replace(&finding->homes[1], getenv("TMPDIR"));
    mem_replace(&finding->homes[2], project != NULL ? project->directory : NULL);
    strlist_add_all(&finding->caches, strlist_texts(&site->names), site->names.len);
    finding->was_single = site->single != NULL;
    finding->list = site->list_wanted;
    if (finding->list)
        roots_apart(roots, site, &finding->apart);
    site->list_wanted = false;
    if (!is_whole(site))
        strlist_add_all(&finding->only, strlist_texts(&site->only), site->only.len);
    site->finding = finding;
    job_start_on(site->lane, &finding->job);
    roots->ops.on_search(roots->arg);
}

static void look(struct site *site)
{
    if (site->finding != NULL)
        site->find_again = true;
    else
        look_now(site);
}

void roots_look(struct site *site)
{
    if (hub_is_closing(site->roots->hub))
        return;
    site->scan_wanted = true;
    look(site);
}

void roots_list(struct site *site)
{
    if (hub_is_closing(site->roots->hub))
        return;
    site->list_wanted = true;
    look(site);
}

/* ----------------------------------------------------------------- silence */

/* It has begun, gone on, or ended. */
static void put_silence(struct site *site, int64_t silent_ms)
{
    struct roots *roots = site->roots;
    bool before = site->silent_ms > 0;
    /* Once silent it stays so until it gets further, however patient we are by now. */
    bool now =
        before ? lanes_still_hang(roots->lanes, site->lane) : lanes_hang(roots->lanes, site->lane);
    int64_t shown_s = site->silent_ms / 1000;
    site->silent_ms = now ? silent_ms : 0;
    if (before != now) {
        roots_show(roots);
        roots->ops.on_silence(roots->arg, site, now);
        if (!now)
            roots_look(site);
        start_scans(roots);
        roots->ops.on_search(roots->arg);
    } else if (now && site->silent_ms / 1000 != shown_s) {
        put_rows(roots);
        hub_moved(roots->hub);
    }
}

bool roots_note_silence(struct roots *roots)
{
    bool any = false;
    for (struct site *site = roots->sites; site != NULL; site = site->next) {
        any |= site->silent_ms > 0;
        put_silence(site, lane_silent_ms(site->lane));
    }
    return any;
}

/* ----------------------------------------------------------------- the list */

static struct site *site_add(struct roots *roots, enum site_kind kind, const char *path)
{
    struct site **end = &roots->sites;
    while (*end != NULL)
        end = &(*end)->next;
    struct site *site = mem_zalloc(sizeof *site);
    site->roots = roots;
    site->kind = kind;
    site->given = mem_strdup(path);
    site->lane = lanes_add(roots->lanes);
    *end = site;
    roots->store->disks_awaited = true;
    return site;
}

/* Sites are only ever added: a project that is read again seldom loses one. */
static void look_at_new(struct roots *roots)
{
    roots_show(roots);
    for (struct site *site = roots->sites; site != NULL; site = site->next)
        if (!site->found && site->finding == NULL)
            roots_look(site);
}

bool roots_are_given(const struct roots *roots)
{
    return roots->given.len > 0;
}

/* What was given; else the usual place. */
void roots_from_options(struct roots *roots)
{
    bool given = roots->given.len > 0;
    for (size_t i = 0; i < roots->given.len; i++) {
        char *path = path_plain(roots->given.items[i]);
        if (site_called(roots, path) == NULL)
            site_add(roots, SITE_NAMED, path);
        free(path);
    }
    if (!given && site_called(roots, DEFAULT_ROOT) == NULL)
        site_add(roots, SITE_USUAL, DEFAULT_ROOT);
    look_at_new(roots);
}

static void add_path(struct roots *roots, char **path)
{
    char *plain = path_plain(*path), *above = path_parent(plain);
    const char *name = path_name(plain);
    free(*path);
    *path = plain;
    if (name[0] != '\0') {
        struct site *site = site_called(roots, above);
        if (site == NULL)
            site = site_add(roots, roots->given.len > 0 ? SITE_OUTSIDE : SITE_PROJECT, above);
        if (!strlist_has(&site->names, name)) {
            strlist_add(&site->names, name);
            site->scanned &= is_whole(site);
            site->scan_wanted |= site->found && !is_whole(site);
            site->find_again |= site->found || site->finding != NULL; /* it may be a link */
        }
    }
    free(above);
}

void roots_from_project(struct roots *roots)
{
    each_path(roots, add_path);
    if (roots->sites == NULL)
        roots_from_options(roots);
    look_at_new(roots);
    for (struct site *site = roots->sites; site != NULL; site = site->next)
        if (site->scan_wanted && site->finding == NULL)
            roots_look(site);
        else if (site->find_again && site->finding == NULL)
            look_now(site);
}

/* ------------------------------------------------------------------ questions */

struct site *roots_site(const struct roots *roots, const char *path)
{
    const struct cache_root *row = store_root_of(roots->store, path);
    return row != NULL ? row->site : NULL;
}

struct root *roots_open(const struct roots *roots, const char *path, struct lane **ret_lane)
{
    const struct site *site = roots_site(roots, path);
    if (site == NULL || site->root == NULL)
        return NULL;
    *ret_lane = site->lane;
    return root_hold(site->root);
}

struct root *roots_open_place(const struct roots *roots, const char *path, struct lane **ret_lane)
{
    for (const struct site *site = roots->sites; site != NULL; site = site->next) {
        if (site->hidden || site->root == NULL || strcmp(site->place, path) != 0)
            continue;
        *ret_lane = site->lane;
        return root_hold(site->root);
    }
    return NULL;
}

void roots_apart(const struct roots *roots, const struct site *site, struct apart *ret_apart)
{
    size_t cap = 0;
    *ret_apart = (struct apart){0};
    for (const struct site *other = roots->sites; other != NULL; other = other->next) {
        if (other == site || other->hidden || other->root == NULL)
            continue;
        const struct inode whole = {other->root->dev, other->root->ino};
        const struct inode *from = is_whole(other) ? &whole : other->own.items;
        size_t more = is_whole(other) ? 1 : other->own.len;
        mem_reserve((void **)&ret_apart->items, &cap, ret_apart->len + more + 1,
                    sizeof *ret_apart->items);
        memcpy(ret_apart->items + ret_apart->len, from, more * sizeof *from);
        ret_apart->len += more;
    }
}

void roots_aliases(const struct roots *roots, struct strlist *aliases)
{
    for (const struct site *site = roots->sites; site != NULL; site = site->next) {
        if (site->kind != SITE_NAMED || site->path == NULL || strcmp(site->path, site->given) == 0)
            continue;
        strlist_add(aliases, site->given);
        strlist_add(aliases, site->path);
    }
}

struct site *roots_first(const struct roots *roots)
{
    return roots->sites;
}

struct site *site_next(const struct site *site)
{
    return site->next;
}

struct lane *site_lane(const struct site *site)
{
    return site->lane;
}

struct root *site_root(const struct site *site)
{
    return site->root;
}

const struct err *site_err(const struct site *site)
{
    return &site->err;
}

const char *site_given(const struct site *site)
{
    return site->given;
}

const char *site_place(const struct site *site)
{
    return site->place;
}

const struct strlist *site_only(const struct site *site)
{
    return &site->only;
}

bool site_is_found(const struct site *site)
{
    return site->found;
}

bool site_is_searched(const struct site *site)
{
    return site->finding != NULL;
}

bool site_is_hidden(const struct site *site)
{
    return site->hidden;
}

bool site_is_outside(const struct site *site)
{
    return site->kind == SITE_OUTSIDE;
}

bool site_is_silent(const struct site *site)
{
    return site->silent_ms > 0;
}

bool site_in_memory(const struct site *site)
{
    return site->in_memory;
}

void site_set_in_memory(struct site *site, bool in_memory)
{
    site->in_memory = in_memory;
}

/* -------------------------------------------------------------------- scans */

bool site_wants_scan(const struct site *site)
{
    return site->scan_wanted;
}

void site_want_scan(struct site *site)
{
    site->scan_wanted = true;
}

uint64_t site_begin_scan(struct site *site)
{
    return site->pass = ++site->roots->last_pass;
}

uint64_t site_pass(const struct site *site)
{
    return site->pass;
}

void site_set_unlisted(struct site *site, const struct err *err)
{
    site->unlisted = err != NULL ? *err : (struct err){0};
    site->err = site->unlisted;
}

void site_end_scan(struct site *site)
{
    site->scanned = true;
}

/* ------------------------------------------------------- beginning and end */

struct roots *roots_new(struct hub *hub, struct lanes *lanes, const struct bilge_options *options,
                        const struct roots_ops *ops, void *arg)
{
    struct roots *roots = mem_zalloc(sizeof *roots);
    roots->hub = hub;
    roots->store = hub_store(hub);
    roots->lanes = lanes;
    roots->ops = *ops;
    roots->arg = arg;
    strlist_add_all(&roots->given, options->cache_roots, options->cache_roots_len);
    return roots;
}

void roots_cancel(struct roots *roots)
{
    for (struct site *site = roots->sites; site != NULL; site = site->next)
        lane_cancel(site->lane, NULL);
}

void roots_free(struct roots *roots)
{
    while (roots->sites != NULL) {
        struct site *site = roots->sites;
        roots->sites = site->next;
        root_release(site->root);
        strlist_done(&site->names);
        strlist_done(&site->only);
        free(site->own.items);
        free(site->given);
        free(site->path);
        free(site->shown);
        free(site->place);
        free(site->single);
        free(site);
    }
    strlist_done(&roots->given);
    free(roots);
}
