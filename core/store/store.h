/* The state that views read: what is known just now of caches, builders,
 * disks and builds. core/app is the only one that changes it; every change
 * moves `revision`. Views and plans get a const pointer, keep ids and never
 * pointers into it: the next change may free what they saw. */
#ifndef BILGE_STORE_STORE_H
#define BILGE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/strlist.h"
#include "core/builds/build.h"
#include "core/builds/project/compose.h"
#include "core/cache/cache.h"
#include "core/cache/remove.h"
#include "core/engine/node.h"
#include "core/engine/record.h"
#include "core/history/growth.h"
#include "core/history/history.h"
#include "core/store/owners.h"

/* Where something stands that is asked for in the background. */
enum load_state { LOAD_PENDING, LOAD_DONE, LOAD_FAILED };

#define SERVICE_TREND 8

/* A service of the project that uses a cache directory. */
struct service_user {
    char *name;
    char *tag;   /* the name of its export in index.json: "latest" unless compose says otherwise */
    bool writes; /* by cache_to; else it only reads, by cache_from */
};

/* A row of the services pane: a compose service that builds, a directory
 * under a cache root, or both joined. Of several services that share one
 * directory the first has it; the others have rows without a cache, with the
 * same path. */
struct service {
    char *id;   /* stable: the cache directory's path, else "compose:<name>" */
    char *name; /* raw bytes when it comes from a directory */
    char *path; /* the cache directory, there or not; NULL: it has no local cache */
    /* Compose knows it, and it builds; of a directory: one of its services writes
     * to it or reads from it. */
    bool in_project;
    bool guessed;       /* in the project by its directory's name alone */
    bool elsewhere;     /* its directory lies outside the roots: not looked at */
    uint64_t scan_pass; /* core/app's: the number of the scan that met it last */
    char **same_path;   /* names of other services whose rows have the same path */
    size_t same_path_len;
    struct service_user *users; /* of the row's directory, of this project */
    size_t users_len;
    enum load_state load;         /* of the scan */
    struct cache *cache;          /* NULL until scanned, and for rows without one */
    char *busy_sign;              /* our own build, a building client; NULL: no such sign */
    int64_t trend[SERVICE_TREND]; /* the sizes that it went through; the last one is the newest */
    size_t trend_len;             /* 0: not remembered */
    struct growth growth;         /* of its cache directory */
    uint64_t last_build_id;       /* 0: not built in this session */
};

struct site;

/* A cache root, or one directory of it when `only` is set. */
struct cache_root {
    char *path; /* absolute */
    char *only; /* NULL: every directory in it is a cache */
    enum load_state load;
    char *error; /* NULL: none */
    bool silent; /* it does not answer */
    bool in_memory;
    struct site *site; /* core/app's */
};

struct builder {
    char *id;       /* unique: its name */
    char *name;     /* "default", … */
    char *driver;   /* "docker", "docker-container", "kubernetes", "remote" */
    char *endpoint; /* for people: "unix:///var/run/docker.sock" */
    char *version;  /* of the engine; NULL: not known */
    char *api_version;
    bool embedded;         /* the engine's own BuildKit: read through its API */
    bool containerd_store; /* it is known that the engine has containerd's image store */
    bool no_cache_export;  /* it is known that it has no type=local export */
    bool selected;         /* the one that docker compose build uses */
    enum load_state load;
    bool reachable;
    char *error; /* NULL: none; one line */
    struct records records;
    /* Whose they are; its len is 0 while that is being worked out anew. */
    struct owners owners;
    struct strlist leaked; /* ids of records that are known to be leaked, see leaks.h */
    char *running_build;   /* the build history says that it runs; NULL: not, or not asked */
    uint64_t owners_mark;  /* core/app's: of what it was worked out from */
    int64_t refreshed_at;
    struct growth growth;       /* of its records */
    uint64_t disk_dev;          /* of what it keeps; 0: on another machine, or not known */
    struct builder_node *nodes; /* as buildx tells them */
    size_t nodes_len;
};

/* Does it forget all cached steps, also those of records that stay, when any
 * record goes? Docker's engine does with containerd's image store (measured on
 * 26.1.5 and 28.5.2; with overlay2 it does not): what the next build does not find
 * in a local cache it runs. */
static inline bool builder_forgets_steps(const struct builder *builder)
{
    return builder->embedded && builder->containerd_store;
}
#define BUILDER_FORGETS_STEPS                                                                      \
    "The engine forgets all its cached steps; only the local caches that are kept still help the " \
    "next build"

/* By the thresholds of the settings. */
enum disk_alarm { DISK_CALM, DISK_AMBER, DISK_RED };
struct disk {
    char *path;  /* a cache root, or docker's data root */
    char *mount; /* where the file system is mounted; NULL: not known. Raw bytes */
    uint64_t dev;
    int64_t total_bytes, free_bytes;
    bool in_memory;
    enum disk_alarm alarm;
    /* Forecast; 0: none. */
    int64_t full_at;
    int64_t full_builds; /* after so many builds */
    int64_t shrinks_per_hour_bytes, shrinks_per_build_bytes;
    /* Free bytes as they were, see growth_fill(); NULL: not remembered. */
    int64_t *day, *week;
};
#define DISK_DAY_SLOTS 144  /* of ten minutes */
#define DISK_WEEK_SLOTS 168 /* of an hour */

/* What made a layer of one of the caches: the description of the engine's
 * record, as it is or as it was remembered. Raw text. */
struct layer_text {
    int64_t created_at;
    char *text;
};

/* A cache directory that a project names, as it was when bilge last ran there, and
 * the project's compose file still exists. */
struct known_cache {
    char *path;
    uint64_t dev, ino; /* 0: it is not there */
    char *project;
    char *file; /* the compose file */
};

/* After so long without a write, a directory that no project names is abandoned. */
#define ABANDONED_AFTER_S (30 * 24 * 3600)

/* A removal under way, or the last one. */
enum prune_state { PRUNE_NONE, PRUNE_RUNNING, PRUNE_OVER };
struct prune_failure {
    char *id;
    char *error;
};
struct prune_status {
    enum prune_state state;
    size_t items, items_done;
    int64_t planned_bytes, freed_bytes;
    struct prune_failure *failures;
    size_t failures_len;
    bool cancelled;
};

struct service_places;

struct store {
    uint64_t revision;
    struct service *services; /* project's first, in its order; then by name */
    size_t services_len;
    struct service_places *places; /* core/store's: where the row of each id is */
    struct cache_root *roots;
    size_t roots_len;
    struct builder *builders;
    size_t builders_len;
    enum load_state builders_load;   /* of the list of buildx's builders */
    char *builders_error;            /* why there may be more of them; NULL: there are no more */
    struct docker_context *contexts; /* docker's; "default" first */
    size_t contexts_len;
    struct disk *disks;
    size_t disks_len;
    int64_t disks_at;      /* when the last look at them began */
    bool disks_awaited;    /* not all have been looked at yet */
    struct build **builds; /* oldest first; the last of each service, what runs, what waits */
    size_t builds_len;
    enum load_state project_load;
    struct compose_project *project; /* NULL: none */
    char *project_error;             /* NULL: none; one line */
    enum load_state recipes_load;    /* of its Dockerfiles */
    uint64_t recipes_read;           /* so many times */
    bool project_absent;     /* there is no compose file here: no error kept it from being read */
    bool project_unreadable; /* its tool is too old to tell, but may build by names */
    /* The caches that projects are known to name, this one among them. */
    struct known_cache *known; /* by path */
    size_t known_len;
    const struct known_cache **known_by_file; /* the same by dev and ino */
    enum load_state known_load; /* FAILED: projects may be remembered, and can't be read */
    char *known_error;
    int64_t abandoned_after_s;
    enum load_state history_load; /* FAILED: nothing is remembered in this run */
    char *history_error; /* why one that is there can't be used; NULL: it can, or is not there */
    struct history_build *past; /* builds that are remembered, the newest first */
    size_t past_len;
    struct history_build *elsewhere; /* that the engine remembers, and bilge did not run; */
    size_t elsewhere_len;            /* none until bilge_look_elsewhere() has come back */
    struct layer_text *layer_texts;  /* by time */
    size_t layer_texts_len;
    struct history_step_time *step_times; /* what steps took, as it is remembered */
    size_t step_times_len;
    char *building_client; /* seen when the last plan was made; NULL: none */
    bool scanning;
    bool read_only;
    struct prune_status prune;
    /* What earlier runs of bilge began and did not end, and what this one has
     * finished of it. */
    size_t recoveries; /* under way: looks for it, and finishing it */
    struct unfinished_list unfinished, finished;
};

const struct service *store_service(const struct store *store, const char *id);
/* Why it can't be told whether there is a service of this name: a cache root or the
 * compose project could not be read. NULL: it can. */
const char *store_unread(const struct store *store);
/* By its name, as a person types it. *ret_count says how many have it. */
const struct service *store_service_named(const struct store *store, const char *name,
                                          size_t *ret_count);
/* The next error of a cache root, each once; *at begins as 0. NULL: that was all. */
const char *store_next_root_error(const struct store *store, size_t *at);
/* There is no service of this name: ERR_USAGE. But when a root could not be read it may
 * lie there, so that is said, by another code. */
int store_no_service(const struct store *store, const char *name, struct err *err);
/* Why somebody may be exporting into its cache: the row's own sign or the one
 * that the scan found. NULL: no sign. */
const char *service_busy_sign(const struct service *service);
/* Is the directory of this row the user's own, perhaps one of several: it writes to
 * it, or reads what nobody of the project writes? */
bool service_user_shares(const struct service *row, const struct service_user *user);
/* Is the index-th user one that only reads what others write? True once for each
 * name. */
bool service_only_reads(const struct service *row, size_t index);
/* Is it a directory that no service of the project names? Without a project nobody
 * can tell. */
bool service_is_outside(const struct store *store, const struct service *service);
/* The project that is known to name its directory; NULL: none. */
const struct known_cache *service_known_as(const struct store *store,
                                           const struct service *service);
/* Nothing was written into its directory for store.abandoned_after_s, and no
 * project is known to name it. Only of one that was read without trouble; never
 * while it is not known what projects name. */
bool service_is_abandoned(const struct store *store, const struct service *service, int64_t now);
/* Appends "not in this project" or "abandoned (34 d)". False: neither is to be
 * said, and nothing was appended. */
bool service_say_standing(const struct store *store, const struct service *service, int64_t now,
                          struct buf *buf);
/* Is something unfinished that the next deletion can finish? */
bool store_has_unfinished(const struct store *store);
/* The root that the directory lies in; NULL: none of ours. */
const struct cache_root *store_root_of(const struct store *store, const char *path);
bool store_root_has_unfinished(const struct store *store, const struct cache_root *root);
/* What the caches of all rows take together: hard links between them once, and
 * once what lies in the directory of another. */
int64_t store_caches_size(const struct store *store);
/* The latter: bytes that two rows count. */
int64_t store_nested_size(const struct store *store);
/* Is this the name of one of docker's contexts? Each of them is a builder, too. */
bool store_has_context(const struct store *store, const char *name);
const struct builder *store_builder(const struct store *store, const char *id);
/* The selected one, else the first; NULL when there is none. */
const struct builder *store_selected_builder(const struct store *store);
const struct build *store_build(const struct store *store, uint64_t id);
/* The newest build that concerns the service and has begun, else the first that
 * waits; NULL: none. */
const struct build *store_last_build(const struct store *store, const char *service);
/* The newest remembered one of the service that was no benchmark's; NULL: none. */
const struct history_build *store_past_build(const struct store *store, const char *service);
/* Whose these records are, going by the caches of all rows, the project's
 * Dockerfiles and the builds that are remembered; the caller gives it back with
 * owners_done(). */
struct owners store_find_owners(const struct store *store, const struct records *records);
/* The step that made a layer, by its creation time; NULL: not known. Borrowed. */
const char *store_layer_text(const struct store *store, int64_t created_at);
/* "ok", "amber", "red". */
const char *disk_alarm_name(enum disk_alarm alarm);
/* The one to show when there is room for one: the one with the worst alarm, of
 * these the fullest. NULL: none is known. */
const struct disk *store_worst_disk(const struct store *store);
/* Appends "full in ~6 h / 9 builds", or as much of it as is known. False: there
 * is nothing to say, and nothing was appended. */
bool disk_say_forecast(const struct disk *disk, int64_t now, struct buf *buf);
/* True once every scan, builder and the project have answered, or failed to. */
bool store_gathered(const struct store *store);
/* And what was remembered has been read: forecasts, texts of layers. */
bool store_settled(const struct store *store);

/* ---- changes; only core/app calls these. "takes": owns it from then on.
 * Fields may also be set in place, followed by store_touch(). */

struct store *store_new(void);
void store_free(struct store *store);
void store_touch(struct store *store); /* something inside was changed in place */
/* Makes or finds the row; returns it for filling in. Valid until the next
 * change. A new one is pending. */
struct service *store_put_service(struct store *store, const char *id);
/* The row if it is there, to be changed; else NULL. */
struct service *store_get_service(struct store *store, const char *id);
void store_remove_service(struct store *store, const char *id);
void service_free_users(struct service *service);
/* Brings the rows into their order, once names and project are set. */
void store_sort_services(struct store *store);
/* Makes the row if need be; its scan is then done. A NULL cache: nothing there. */
void store_set_cache(struct store *store, const char *id, struct cache *takes);
struct cache_root *store_put_root(struct store *store, const char *path, const char *only);
void store_clear_roots(struct store *store);
void store_clear_disks(struct store *store);
struct builder *store_put_builder(struct store *store, const char *id);
void store_remove_builder(struct store *store, const char *id);
/* No effect on the caller's struct but that its content has moved. Whose the
 * records are is not known until somebody says. */
void store_set_records(struct store *store, const char *builder, struct records *takes);
struct disk *store_put_disk(struct store *store, uint64_t dev, const char *path);
/* Takes the array, which is in the order of layer_text_compare(). */
void store_set_layer_texts(struct store *store, struct layer_text *takes, size_t len);
/* Takes the array, which is in the order of its instructions. */
void store_set_step_times(struct store *store, struct history_step_time *takes, size_t len);
/* Takes the arrays. */
void store_set_nodes(struct store *store, const char *builder, struct builder_node *takes,
                     size_t len);
void store_set_contexts(struct store *store, struct docker_context *takes, size_t len);
void store_set_past(struct store *store, struct history_build *takes, size_t len);
void store_set_elsewhere(struct store *store, struct history_build *takes, size_t len);
int layer_text_compare(const void *a, const void *b);
void store_set_project(struct store *store, struct compose_project *takes);
void known_caches_free(struct known_cache *known, size_t len);
/* Takes the array. `error` is copied; NULL: it is known. */
void store_set_known(struct store *store, struct known_cache *takes, size_t len, const char *error);
void store_add_build(struct store *store, struct build *takes);
/* A build has begun, or was added: those that are over, and of whose services
 * each has a newer one that has begun, go. */
void store_tidy_builds(struct store *store);
void store_remove_build(struct store *store, uint64_t id);
/* Takes the list: it replaces what was known to be left in this root, `only` in one
 * cache of it; it is added to what was finished. */
void store_set_unfinished(struct store *store, const char *root, const char *only,
                          struct unfinished_list *takes);
void store_add_finished(struct store *store, struct unfinished_list *takes);
void store_start_prune(struct store *store, size_t items, int64_t planned_bytes);
void store_add_failure(struct store *store, const char *id, const char *error);

#endif
