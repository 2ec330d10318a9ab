#include "core/store/owners.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hashtable.h"
#include "core/base/mem.h"
#include "core/builds/build.h"
#include "core/store/description.h"

/* how the ways to find owners work together. */

/* What a record is known by: its step's words, and of files that are copied the
 * stage. */
struct owner_key {
    char *words; /* NULL: it tells nothing */
    char *stage; /* NULL: not told */
    bool run;
    bool mount;        /* the words are those of the step that first mounted it */
    char *id, *target; /* of a cache mount; NULL: none */
};

struct service_number;

struct finder {
    const struct records *records;
    const struct owners_sources *sources;
    char **names; /* of the services */
    size_t names_len;
    struct service_number *numbers; /* which name is which */
    size_t words;                   /* of a set of services */
    uint64_t *sure, *maybe;         /* a set for each record */
    struct owner_key *keys;
    /* Records with the same key, in order; and of each record the first of its
     * likes, by which they are known. */
    size_t *order, *first;
    uint64_t *known; /* of each first one: the services that surely have one of them */
};

static inline uint64_t *set_at(const struct finder *finder, uint64_t *sets, size_t index)
{
    return sets + index * finder->words;
}

static inline void set_add(uint64_t *set, size_t service)
{
    set[service / 64] |= UINT64_C(1) << (service % 64);
}
static inline bool set_has(const uint64_t *set, size_t service)
{
    return (set[service / 64] >> (service % 64) & 1) != 0;
}

static void owners_by_caches(struct finder *finder);
static void owners_by_builds(struct finder *finder);
static void owners_by_mounts(struct finder *finder);
static void owners_by_texts(struct finder *finder);
static void owners_to_parents(struct finder *finder, uint64_t *sets);
static void owner_keys_make(struct finder *finder);
static void owner_keys_done(struct finder *finder);
static void owner_keys_note(struct finder *finder);

static bool set_is_empty(const struct finder *finder, const uint64_t *set)
{
    for (size_t i = 0; i < finder->words; i++)
        if (set[i] != 0)
            return false;
    return true;
}

/* True when the set has grown. */
static bool set_join(const struct finder *finder, uint64_t *set, const uint64_t *other)
{
    bool grown = false;
    for (size_t i = 0; i < finder->words; i++) {
        grown |= (other[i] & ~set[i]) != 0;
        set[i] |= other[i];
    }
    return grown;
}

/* ------------------------------------------------------------------- names */

struct service_number {
    size_t number;
    UT_hash_handle hh; /* by its name */
};

/* SIZE_MAX: no such service. */
static size_t finder_service(const struct finder *finder, const char *name)
{
    const struct service_number *found;
    HASH_FIND_STR(finder->numbers, name, found);
    return found != NULL ? found->number : SIZE_MAX;
}

static void add_name(struct finder *finder, const char *name)
{
    if (finder_service(finder, name) != SIZE_MAX)
        return;
    struct service_number *number = mem_zalloc(sizeof *number);
    number->number = finder->names_len;
    finder->names[finder->names_len++] = mem_strdup(name);
    const char *key = finder->names[number->number];
    HASH_ADD_KEYPTR(hh, finder->numbers, key, strlen(key), number);
}

static void forget_numbers(struct finder *finder)
{
    struct service_number *number, *next;
    HASH_ITER(hh, finder->numbers, number, next)
    {
        HASH_DEL(finder->numbers, number);
        free(number);
    }
}

static void name_services(struct finder *finder)
{
    const struct owners_sources *sources = finder->sources;
    const struct compose_project *project = sources->project;
    size_t most = sources->caches_len + (project != NULL ? project->services_len : 0);
    finder->names = mem_alloc((most + 1) * sizeof *finder->names);
    for (size_t i = 0; i < sources->caches_len; i++)
        add_name(finder, sources->caches[i].service);
    for (size_t i = 0; project != NULL && i < project->services_len; i++)
        add_name(finder, project->services[i].name);
    finder->words = finder->names_len / 64 + 1;
}

/* ----------------------------------------------------------------- results */

static size_t append_names(const struct finder *finder, const uint64_t *set, size_t count,
                           struct buf *names)
{
    for (size_t i = 0; i < finder->names_len; i++)
        if (set_has(set, i))
            buf_printf(names, "%s%s", count++ > 0 ? ", " : "", finder->names[i]);
    return count;
}

/* The guesses without what is sure, and in words. */
static void put_in_words(const struct finder *finder, size_t index, struct owner *ret_owner)
{
    const uint64_t *sure = set_at(finder, finder->sure, index);
    uint64_t *maybe = set_at(finder, finder->maybe, index);
    struct buf names = {0};
    for (size_t i = 0; i < finder->words; i++)
        maybe[i] &= ~sure[i];
    size_t count = append_names(finder, sure, 0, &names);
    count = append_names(finder, maybe, count, &names);
    ret_owner->guess = !set_is_empty(finder, maybe);
    if (count == 1)
        ret_owner->service = buf_take(&names);
    else if (count > 1)
        ret_owner->several = buf_take(&names);
}

struct owners owners_find(const struct records *records, const struct owners_sources *sources)
{
    struct finder finder = {.records = records, .sources = sources};
    struct owner *items = mem_zalloc((records->len + 1) * sizeof *items);
    name_services(&finder);
    size_t room = (records->len + 1) * finder.words;
    uint64_t *sets = mem_zalloc(2 * room * sizeof *sets);
    finder.sure = sets;
    finder.maybe = sets + room;
    owner_keys_make(&finder);
    owners_by_caches(&finder);
    owners_to_parents(&finder, finder.sure);
    owner_keys_note(&finder);
    owners_by_builds(&finder);
    owners_by_mounts(&finder);
    owners_to_parents(&finder, finder.sure);
    owner_keys_note(&finder);
    owners_by_texts(&finder);
    owners_to_parents(&finder, finder.maybe);
    for (size_t i = 0; i < records->len; i++)
        put_in_words(&finder, i, &items[i]);
    owner_keys_done(&finder);
    forget_numbers(&finder);
    return (struct owners){items, records->len, finder.names, finder.names_len, sets, finder.words};
}

bool owners_has(const struct owners *owners, size_t index, size_t service)
{
    return set_has(owners->sets + index * owners->words, service);
}

bool owners_may_have(const struct owners *owners, size_t index, size_t service)
{
    return set_has(owners->sets + (owners->len + 1 + index) * owners->words, service);
}

void owners_done(struct owners *owners)
{
    for (size_t i = 0; i < owners->len; i++) {
        free(owners->items[i].service);
        free(owners->items[i].several);
    }
    for (size_t i = 0; i < owners->services_len; i++)
        free(owners->services[i]);
    free(owners->items);
    free(owners->services);
    free(owners->sets);
    *owners = (struct owners){0};
}

/* What steps are known by: records, recipes and builds say it in different
 * ways. Words are those of description_of_step(); the quotes in them that BuildKit takes
 * away from a COPY are taken away everywhere. */

#define MOUNT "cached mount "
#define FROM_EXEC " from exec "
#define WITH_ID " with id \""

static void drop_quotes(char *words)
{
    char *to = words;
    for (const char *from = words; *from != '\0'; from++)
        if (*from != '"' && *from != '\'')
            *to++ = *from;
    *to = '\0';
}

/* "[linux/amd64 builder 4/6] COPY a b": the last of the words before the number
 * that is no platform; gives where the words behind the brackets begin. */
static const char *read_brackets(const char *text, char **ret_stage)
{
    const char *end = *text == '[' ? strstr(text, "] ") : NULL;
    if (end == NULL)
        return text;
    for (const char *at = text + 1; at < end;) {
        size_t len = strcspn(at, " ]");
        const char *slash = memchr(at, '/', len);
        if (len > 0 && slash == NULL) {
            free(*ret_stage);
            *ret_stage = mem_strndup(at, len);
        }
        at += len + 1;
    }
    return end + 2;
}

static struct owner_key key_of_text(const char *text)
{
    struct owner_key key = {.run = strncmp(text, LAYER_STEP, strlen(LAYER_STEP)) == 0};
    const char *bare = key.run ? text : read_brackets(text, &key.stage);
    key.words = description_of_step(bare);
    if (key.words != NULL && !key.run)
        drop_quotes(key.words);
    return key;
}

/* cached mount /target from exec /bin/sh -c make with id "/target" */
static struct owner_key key_of_mount(const char *text)
{
    struct owner_key key = {.run = true, .mount = true};
    const char *target = text + strlen(MOUNT), *step = strstr(target, FROM_EXEC), *id = NULL;
    if (step == NULL)
        return key;
    key.target = mem_strndup(target, (size_t)(step - target));
    step += strlen(FROM_EXEC);
    for (const char *at = strstr(step, WITH_ID); at != NULL; at = strstr(at + 1, WITH_ID))
        id = at;
    size_t len = id != NULL ? (size_t)(id - step) : strlen(step);
    if (id != NULL) {
        id += strlen(WITH_ID);
        key.id = mem_strndup(id, strlen(id) > 0 ? strlen(id) - 1 : 0);
    }
    char *quoted = mem_printf(LAYER_STEP "%.*s", (int)len, step);
    key.words = description_of_step(quoted);
    free(quoted);
    return key;
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

/* Mounts stand with the step that they quote. */
static int compare_keys(const struct owner_key *a, const struct owner_key *b)
{
    int order = compare_texts(a->words, b->words);
    return order != 0 ? order : compare_texts(a->stage, b->stage);
}

struct sortable {
    const struct owner_key *key;
    size_t record;
};

static int by_key(const void *a, const void *b)
{
    return compare_keys(((const struct sortable *)a)->key, ((const struct sortable *)b)->key);
}

static void sort_records(struct finder *finder)
{
    size_t len = finder->records->len;
    struct sortable *sorted = mem_alloc((len + 1) * sizeof *sorted);
    finder->order = mem_alloc((len + 1) * sizeof *finder->order);
    finder->first = mem_alloc((len + 1) * sizeof *finder->first);
    for (size_t i = 0; i < len; i++)
        sorted[i] = (struct sortable){&finder->keys[i], i};
    if (len > 0)
        qsort(sorted, len, sizeof *sorted, by_key);
    for (size_t i = 0; i < len; i++) {
        bool same = i > 0 && by_key(&sorted[i - 1], &sorted[i]) == 0;
        finder->order[i] = sorted[i].record;
        finder->first[sorted[i].record] =
            same ? finder->first[sorted[i - 1].record] : sorted[i].record;
    }
    free(sorted);
}

/* ---- keys */
static void owner_keys_make(struct finder *finder)
{
    const struct records *records = finder->records;
    finder->keys = mem_zalloc((records->len + 1) * sizeof *finder->keys);
    for (size_t i = 0; i < records->len; i++) {
        const char *text = finder->sources->texts != NULL ? finder->sources->texts[i]
                                                          : records->items[i].description;
        finder->keys[i] =
            strncmp(text, MOUNT, strlen(MOUNT)) == 0 ? key_of_mount(text) : key_of_text(text);
    }
    finder->known = mem_zalloc((records->len + 1) * finder->words * sizeof *finder->known);
    sort_records(finder);
}

/* What was only mounted while a step ran is no record of the step. */
static void owner_keys_note(struct finder *finder)
{
    for (size_t i = 0; i < finder->records->len; i++)
        if (finder->keys[i].words != NULL && !finder->keys[i].mount)
            set_join(finder, set_at(finder, finder->known, finder->first[i]),
                     set_at(finder, finder->sure, i));
}

static void owner_key_done(struct owner_key *key)
{
    free(key->words);
    free(key->stage);
    free(key->id);
    free(key->target);
}

static void owner_keys_done(struct finder *finder)
{
    for (size_t i = 0; i < finder->records->len; i++)
        owner_key_done(&finder->keys[i]);
    free(finder->keys);
    free(finder->order);
    free(finder->first);
    free(finder->known);
}

/* ------------------------------------------------------------------- steps */

static struct owner_key owner_key_of_recipe(const struct recipe_step *step)
{
    struct owner_key key = key_of_text(step->description);
    if (!step->run)
        mem_replace(&key.stage, step->stage);
    return key;
}

/* The key of a step: as a build's output names it, or a recipe. The caller frees
 * words and stage. */
static struct owner_key owner_key_of_step(const char *stage, const char *instruction)
{
    struct buf text = {0};
    bool run = strncmp(instruction, "RUN ", 4) == 0;
    if (run) {
        instruction += 4;
        instruction += strspn(instruction, " ");
        while (strncmp(instruction, "--", 2) == 0) {
            instruction += strcspn(instruction, " ");
            instruction += strspn(instruction, " ");
        }
        buf_append_str(&text, LAYER_STEP);
    }
    buf_append_str(&text, instruction);
    struct owner_key key = key_of_text(text.data);
    if (!run)
        mem_replace(&key.stage, stage);
    buf_done(&text);
    return key;
}

/* Of the variable at `text`; 0: it is none. */
static size_t variable_len(const char *text)
{
    size_t len = 1;
    if (text[0] != '$')
        return 0;
    if (text[1] == '{')
        return strcspn(text, "}") + (strchr(text, '}') != NULL);
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len > 1 ? len : 0;
}

static size_t any_len(const char *text, bool loose)
{
    return *text == RECIPE_ANY ? 1 : loose ? variable_len(text) : 0;
}

/* The usual way with one that may be anything: remember the last, and let it
 * take one byte more whenever the rest does not fit. */
static bool fits(const char *pattern, const char *text, bool loose)
{
    const char *after_any = NULL, *retry = NULL;
    while (*text != '\0') {
        size_t any = any_len(pattern, loose);
        if (any > 0) {
            after_any = pattern += any;
            retry = text;
        } else if (*pattern == *text && *pattern != '\0') {
            pattern++;
            text++;
        } else if (after_any != NULL) {
            pattern = after_any;
            text = ++retry;
        } else {
            return false;
        }
    }
    for (size_t any; (any = any_len(pattern, loose)) > 0;)
        pattern += any;
    return *pattern == '\0';
}

/* The same step? RECIPE_ANY stands for anything, in the first one's words, and so
 * do variables of a shell when they are `loose`. */
static bool owner_key_fits(const struct owner_key *pattern, const struct owner_key *key, bool loose)
{
    return pattern->words != NULL && key->words != NULL && pattern->run == key->run &&
           (pattern->stage == NULL || key->stage == NULL ||
            strcmp(pattern->stage, key->stage) == 0) &&
           fits(pattern->words, key->words, loose);
}

/* Owners by what their caches hold. */

#define IMPORTED "imported sha256:"

/* Something that the caches know, and the service that it is known by. */
struct claim {
    int64_t created_at; /* or 0 */
    struct digest digest;
    size_t service;
};

static int by_time(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    return (x->created_at > y->created_at) - (x->created_at < y->created_at);
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(&((const struct claim *)a)->digest, &((const struct claim *)b)->digest,
                  sizeof(struct digest));
}

/* What an orphan was made for is not known: only what a generation reaches
 * makes a claim. */
static struct claim *gather_claims(const struct finder *finder, size_t *ret_len)
{
    const struct owners_sources *sources = finder->sources;
    size_t total = 0, len = 0;
    for (size_t i = 0; i < sources->caches_len; i++)
        total += sources->caches[i].cache->blobs_len;
    struct claim *claims = mem_alloc((total + 1) * sizeof *claims);
    for (size_t i = 0; i < sources->caches_len; i++) {
        const struct cache *cache = sources->caches[i].cache;
        size_t service = finder_service(finder, sources->caches[i].service);
        for (size_t j = 0; j < cache->blobs_len; j++)
            if (cache->blobs[j].generations > 0)
                claims[len++] =
                    (struct claim){cache->blobs[j].created_at, cache->blobs[j].digest, service};
    }
    *ret_len = len;
    return claims;
}

/* Adds the services of all claims that are equal to `wanted`. */
static void add_claims(struct finder *finder, size_t record, const struct claim *claims, size_t len,
                       const struct claim *wanted, int (*compare)(const void *, const void *))
{
    const struct claim *found =
        len > 0 ? bsearch(wanted, claims, len, sizeof *claims, compare) : NULL;
    if (found == NULL)
        return;
    while (found > claims && compare(found - 1, wanted) == 0)
        found--;
    for (; found < claims + len && compare(found, wanted) == 0; found++)
        set_add(set_at(finder, finder->sure, record), found->service);
}

static void join_by_time(struct finder *finder, struct claim *claims, size_t len)
{
    qsort(claims, len, sizeof *claims, by_time);
    for (size_t i = 0; i < finder->records->len; i++) {
        const struct claim wanted = {.created_at = finder->records->items[i].created_at};
        if (wanted.created_at != 0)
            add_claims(finder, i, claims, len, &wanted, by_time);
    }
}

static void join_by_digest(struct finder *finder, struct claim *claims, size_t len)
{
    qsort(claims, len, sizeof *claims, by_digest);
    for (size_t i = 0; i < finder->records->len; i++) {
        const char *description = finder->records->items[i].description;
        struct claim wanted = {0};
        if (strncmp(description, IMPORTED, sizeof IMPORTED - 1) == 0 &&
            digest_parse_hex(description + sizeof IMPORTED - 1, &wanted.digest))
            add_claims(finder, i, claims, len, &wanted, by_digest);
    }
}

/* By creation time and by the blob that was imported. */
static void owners_by_caches(struct finder *finder)
{
    size_t len;
    struct claim *claims = gather_claims(finder, &len);
    join_by_time(finder, claims, len);
    join_by_digest(finder, claims, len);
    free(claims);
}

/* Owners by the builds that bilge ran: a record that was made while a build of a
 * service had that very step to do, or used while it had it from the cache. */

#define SLACK (2 * CLOCK_SECOND)

struct look {
    struct finder *finder;
    size_t service;
    int64_t from, to;
    struct owner_key *steps;
    const struct history_build *build;
};

static bool is_in(const struct look *look, int64_t at)
{
    return at >= look->from && at <= look->to;
}

static bool was_made(const struct look *look, const struct record *record)
{
    return is_in(look, record->created_at);
}

static bool was_used(const struct look *look, const struct record *record)
{
    return record->created_at != 0 && record->created_at <= look->to &&
           is_in(look, record->last_used_at);
}

/* In a record variables stand as they are written, in a build's steps what they
 * were. */
static bool had_step(const struct look *look, size_t index)
{
    const struct record *record = &look->finder->records->items[index];
    const struct owner_key *key = &look->finder->keys[index];
    for (size_t i = 0; i < look->build->steps_len; i++) {
        int state = look->build->steps[i].state;
        bool then = (state == STEP_DONE && was_made(look, record)) ||
                    (state == STEP_CACHED && was_used(look, record));
        if (then && look->steps[i].words != NULL && owner_key_fits(key, &look->steps[i], true))
            return true;
    }
    return false;
}

/* Parallel builds of several services may have the same step each: one that is
 * known from its cache tells which is which. */
static void builds_claim(struct look *look)
{
    struct finder *finder = look->finder;
    for (size_t i = 0; i < finder->records->len; i++) {
        const struct record *record = &finder->records->items[i];
        if (finder->keys[i].words == NULL || finder->keys[i].mount ||
            (!was_made(look, record) && !was_used(look, record)) ||
            set_has(set_at(finder, finder->known, finder->first[i]), look->service))
            continue;
        if (had_step(look, i))
            set_add(set_at(finder, finder->sure, i), look->service);
    }
}

static bool is_own(const struct history_build *build, const struct history_step *step)
{
    return step->index > 0 && step->instruction != NULL &&
           (step->service == NULL || strcmp(step->service, build->service) == 0);
}

static void look_at(struct finder *finder, const struct history_build *build, size_t service)
{
    struct look look = {
        .finder = finder,
        .service = service,
        .from = build->started_at - SLACK,
        .to = build->started_at + build->duration_ms * (CLOCK_SECOND / 1000) + SLACK,
        .steps = mem_zalloc((build->steps_len + 1) * sizeof *look.steps),
        .build = build,
    };
    for (size_t i = 0; i < build->steps_len; i++)
        if (is_own(build, &build->steps[i]))
            look.steps[i] = owner_key_of_step(build->steps[i].stage, build->steps[i].instruction);
    builds_claim(&look);
    for (size_t i = 0; i < build->steps_len; i++)
        owner_key_done(&look.steps[i]);
    free(look.steps);
}

static void owners_by_builds(struct finder *finder)
{
    const struct owners_sources *sources = finder->sources;
    for (size_t i = 0; sources->project != NULL && i < sources->past_len; i++) {
        const struct history_build *build = &sources->past[i];
        size_t service = build->service != NULL ? finder_service(finder, build->service) : SIZE_MAX;
        /* Another project may have a service of that name. */
        if (service != SIZE_MAX && build->project != NULL &&
            strcmp(build->project, sources->project->name) == 0)
            look_at(finder, build, service);
    }
}

/* Owners by what the services' Dockerfiles say, and by the words of records that
 * are known. */

/* A step of a service's Dockerfile. */
struct told {
    struct owner_key key;
    size_t service;
    bool vague; /* with parts that may be anything */
};

struct teller {
    struct told *items; /* the exact ones by their words, then the vague ones */
    size_t len, cap, exact_len;
};

static int by_words(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    if (x->vague != y->vague)
        return x->vague ? 1 : -1;
    return strcmp(x->key.words, y->key.words);
}

static void gather(struct teller *teller, const struct recipe *recipe, size_t service)
{
    for (size_t i = 0; i < recipe->steps_len; i++) {
        struct owner_key key = owner_key_of_recipe(&recipe->steps[i]);
        if (key.words == NULL) {
            owner_key_done(&key);
            continue;
        }
        mem_reserve((void **)&teller->items, &teller->cap, teller->len + 1, sizeof *teller->items);
        teller->items[teller->len++] =
            (struct told){key, service, strchr(key.words, RECIPE_ANY) != NULL};
    }
}

/* Calls back for each service that has a recipe. */
typedef void recipe_cb(void *arg, const struct recipe *recipe, size_t service);

static void each_recipe(const struct finder *finder, recipe_cb *cb, void *arg)
{
    const struct compose_project *project = finder->sources->project;
    for (size_t i = 0; project != NULL && i < project->services_len; i++)
        if (project->services[i].recipe != NULL)
            cb(arg, project->services[i].recipe, finder_service(finder, project->services[i].name));
}

static void gather_cb(void *arg, const struct recipe *recipe, size_t service)
{
    gather(arg, recipe, service);
}

static struct teller teller_make(const struct finder *finder)
{
    struct teller teller = {0};
    each_recipe(finder, gather_cb, &teller);
    if (teller.len > 0)
        qsort(teller.items, teller.len, sizeof *teller.items, by_words);
    while (teller.exact_len < teller.len && !teller.items[teller.exact_len].vague)
        teller.exact_len++;
    return teller;
}

static void teller_done(struct teller *teller)
{
    for (size_t i = 0; i < teller->len; i++)
        owner_key_done(&teller->items[i].key);
    free(teller->items);
}

/* Adds the services whose Dockerfiles have this step. */
static void tell(const struct teller *teller, const struct owner_key *key, uint64_t *set)
{
    const struct told wanted = {.key = *key};
    const struct told *found =
        teller->exact_len > 0 && key->words != NULL
            ? bsearch(&wanted, teller->items, teller->exact_len, sizeof wanted, by_words)
            : NULL;
    while (found != NULL && found > teller->items && by_words(found - 1, &wanted) == 0)
        found--;
    for (; found != NULL && found < teller->items + teller->exact_len &&
           by_words(found, &wanted) == 0;
         found++)
        if (owner_key_fits(&found->key, key, false))
            set_add(set, found->service);
    for (size_t i = teller->exact_len; i < teller->len; i++)
        if (owner_key_fits(&teller->items[i].key, key, false))
            set_add(set, teller->items[i].service);
}

/* ------------------------------------------------------------ cache mounts */

struct asking {
    struct finder *finder;
    const struct owner_key *key;
    uint64_t *set;
};

static bool is_like(const char *pattern, const char *text)
{
    const struct owner_key a = {.words = (char *)pattern}, b = {.words = (char *)text};
    return text != NULL && owner_key_fits(&a, &b, false);
}

/* Engine 20.10 does not tell the id. */
static void ask_for_mount(void *arg, const struct recipe *recipe, size_t service)
{
    struct asking *asking = arg;
    for (size_t i = 0; i < recipe->mounts_len; i++)
        if (asking->key->id != NULL ? is_like(recipe->mounts[i].id, asking->key->id)
                                    : is_like(recipe->mounts[i].target, asking->key->target))
            set_add(asking->set, service);
}

static void mount_services(struct finder *finder, size_t index, uint64_t *ret_set)
{
    struct asking asking = {finder, &finder->keys[index], ret_set};
    each_recipe(finder, ask_for_mount, &asking);
}

static bool meets(const struct finder *finder, const uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < finder->words; i++)
        if ((a[i] & b[i]) != 0)
            return true;
    return false;
}

/* Who names its id shares it with who made it. */
static void owners_by_mounts(struct finder *finder)
{
    struct teller teller = teller_make(finder);
    uint64_t *named = mem_alloc(finder->words * sizeof *named);
    uint64_t *told = mem_alloc(finder->words * sizeof *told);
    for (size_t i = 0; i < finder->records->len && teller.len > 0; i++) {
        if (!finder->keys[i].mount)
            continue;
        memset(named, 0, finder->words * sizeof *named);
        memset(told, 0, finder->words * sizeof *told);
        mount_services(finder, i, named);
        tell(&teller, &finder->keys[i], told);
        bool sure = meets(finder, named, told);
        set_join(finder, set_at(finder, sure ? finder->sure : finder->maybe, i), named);
    }
    free(named);
    free(told);
    teller_done(&teller);
}

/* ------------------------------------------------------------------ guesses */

static void guess(struct finder *finder, const struct teller *teller, size_t index, uint64_t *told)
{
    uint64_t *sure = set_at(finder, finder->sure, index);
    uint64_t *maybe = set_at(finder, finder->maybe, index);
    const uint64_t *known = set_at(finder, finder->known, finder->first[index]);
    bool owned = !set_is_empty(finder, sure);
    memset(told, 0, finder->words * sizeof *told);
    /* Who names a mount's id shares it; who has the words only does not. */
    if (finder->keys[index].mount && owned)
        return;
    tell(teller, &finder->keys[index], told);
    if (!owned) {
        set_join(finder, maybe, told);
        set_join(finder, maybe, known);
        return;
    }
    for (size_t i = 0; i < finder->words; i++)
        maybe[i] |= told[i] & ~sure[i] & ~known[i];
}

static void owners_by_texts(struct finder *finder)
{
    struct teller teller = teller_make(finder);
    uint64_t *told = mem_alloc(finder->words * sizeof *told);
    for (size_t i = 0; i < finder->records->len; i++)
        if (finder->keys[i].words != NULL)
            guess(finder, &teller, i, told);
    free(told);
    teller_done(&teller);
}

/* Owners by what stands on a record. */

struct named {
    const char *id;
    size_t record;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static const struct named *find(const struct named *names, size_t len, const char *id)
{
    const struct named wanted = {.id = id};
    return len > 0 ? bsearch(&wanted, names, len, sizeof *names, by_id) : NULL;
}

/* Each record is looked at again only when its own set has grown, so this ends,
 * circles or not. */
static void owners_to_parents(struct finder *finder, uint64_t *sets)
{
    const struct records *records = finder->records;
    struct named *names = mem_alloc((records->len + 1) * sizeof *names);
    size_t *stack = mem_alloc((records->len + 1) * sizeof *stack);
    bool *stacked = mem_zalloc(records->len + 1);
    size_t depth = 0;
    for (size_t i = 0; i < records->len; i++) {
        names[i] = (struct named){records->items[i].id, i};
        if (!set_is_empty(finder, set_at(finder, sets, i))) {
            stack[depth++] = i;
            stacked[i] = true;
        }
    }
    qsort(names, records->len, sizeof *names, by_id);
    while (depth > 0) {
        size_t child = stack[--depth];
        const struct record *record = &records->items[child];
        stacked[child] = false;
        for (size_t i = 0; i < record->parents_len; i++) {
            const struct named *parent = find(names, records->len, record->parents[i]);
            if (parent == NULL ||
                !set_join(finder, set_at(finder, sets, parent->record),
                          set_at(finder, sets, child)) ||
                stacked[parent->record])
                continue;
            stack[depth++] = parent->record;
            stacked[parent->record] = true;
        }
    }
    free(names);
    free(stack);
    free(stacked);
}
