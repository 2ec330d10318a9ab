#include "core/store/owners.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define IMPORTED "imported sha256:"
#define STEP_MARK " from exec "
#define MOUNT_STEP "mount / from exec "

/* Something that the caches know, and the service that it is known by. */
struct claim {
    int64_t created_at; /* or 0 */
    struct digest digest;
    size_t service;
};

struct named {
    const char *text; /* a record's id, or the step that it quotes */
    size_t len;
    size_t record;
};

struct finder {
    const struct records *records;
    const struct owners_cache *caches;
    size_t caches_len;
    size_t *services; /* of each cache: its place among the names */
    char **names;
    size_t names_len;
    size_t words; /* of a set of services */
    uint64_t *sets;
    bool *guessed;
};

static uint64_t *set_of(struct finder *finder, size_t record)
{
    return finder->sets + record * finder->words;
}

static bool is_empty(const struct finder *finder, const uint64_t *set)
{
    for (size_t i = 0; i < finder->words; i++)
        if (set[i] != 0)
            return false;
    return true;
}

static bool join(const struct finder *finder, uint64_t *set, const uint64_t *other)
{
    bool grown = false;
    for (size_t i = 0; i < finder->words; i++) {
        grown |= (other[i] & ~set[i]) != 0;
        set[i] |= other[i];
    }
    return grown;
}

/* --------------------------------------------------------- the exact joins */

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
    size_t total = 0, len = 0;
    for (size_t i = 0; i < finder->caches_len; i++)
        total += finder->caches[i].cache->blobs_len;
    struct claim *claims = mem_alloc((total + 1) * sizeof *claims);
    for (size_t i = 0; i < finder->caches_len; i++) {
        const struct cache *cache = finder->caches[i].cache;
        for (size_t j = 0; j < cache->blobs_len; j++)
            if (cache->blobs[j].generations > 0)
                claims[len++] = (struct claim){cache->blobs[j].created_at, cache->blobs[j].digest,
                                               finder->services[i]};
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
        set_of(finder, record)[found->service / 64] |= UINT64_C(1) << (found->service % 64);
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

/* ------------------------------------------------------------- the parents */

static int by_text(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->text, y->text, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static const struct named *find_named(const struct named *names, size_t len, const char *text,
                                      size_t text_len)
{
    const struct named wanted = {.text = text, .len = text_len};
    return len > 0 ? bsearch(&wanted, names, len, sizeof *names, by_text) : NULL;
}

/* A record's parents belong to whom it belongs to. Each record is looked at
 * again only when its own set has grown, so this ends, circles or not. */
static void pass_on_to_parents(struct finder *finder)
{
    const struct records *records = finder->records;
    struct named *names = mem_alloc((records->len + 1) * sizeof *names);
    size_t *stack = mem_alloc((records->len + 1) * sizeof *stack);
    bool *stacked = mem_zalloc(records->len + 1);
    size_t depth = 0;
    for (size_t i = 0; i < records->len; i++) {
        names[i] = (struct named){records->items[i].id, strlen(records->items[i].id), i};
        if (!is_empty(finder, set_of(finder, i))) {
            stack[depth++] = i;
            stacked[i] = true;
        }
    }
    qsort(names, records->len, sizeof *names, by_text);
    while (depth > 0) {
        size_t child = stack[--depth];
        const struct record *record = &records->items[child];
        stacked[child] = false;
        for (size_t i = 0; i < record->parents_len; i++) {
            const struct named *parent =
                find_named(names, records->len, record->parents[i], strlen(record->parents[i]));
            if (parent == NULL ||
                !join(finder, set_of(finder, parent->record), set_of(finder, child)) ||
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

/* ------------------------------------------------------------- the guesses */

/* "mount / from exec /bin/sh -c make" is the step itself; "cached mount
 * /target from exec /bin/sh -c make with id "/target"" quotes it. */
static bool quoted_step(const char *description, const char **ret_text, size_t *ret_len)
{
    const char *text = strstr(description, STEP_MARK);
    if (text == NULL)
        return false;
    text += sizeof STEP_MARK - 1;
    const char *end = NULL;
    for (const char *at = strstr(text, " with id \""); at != NULL;
         at = strstr(at + 1, " with id \""))
        end = at;
    *ret_text = text;
    *ret_len = end != NULL ? (size_t)(end - text) : strlen(text);
    return true;
}

static void guess_by_step(struct finder *finder)
{
    const struct records *records = finder->records;
    struct named *steps = mem_alloc((records->len + 1) * sizeof *steps);
    size_t len = 0;
    for (size_t i = 0; i < records->len; i++) {
        const char *description = records->items[i].description;
        if (strncmp(description, MOUNT_STEP, sizeof MOUNT_STEP - 1) == 0 &&
            !is_empty(finder, set_of(finder, i)))
            steps[len++] = (struct named){description + sizeof MOUNT_STEP - 1,
                                          strlen(description) - sizeof MOUNT_STEP + 1, i};
    }
    qsort(steps, len, sizeof *steps, by_text);
    for (size_t i = 0; i < records->len; i++) {
        const char *text;
        size_t text_len;
        if (!is_empty(finder, set_of(finder, i)) ||
            !quoted_step(records->items[i].description, &text, &text_len))
            continue;
        const struct named *step = find_named(steps, len, text, text_len);
        if (step == NULL)
            continue;
        while (step > steps && by_text(step - 1, step) == 0)
            step--;
        for (const struct named *same = step; same < steps + len && by_text(same, step) == 0;
             same++)
            join(finder, set_of(finder, i), set_of(finder, same->record));
        finder->guessed[i] = true;
    }
    free(steps);
}

/* ----------------------------------------------------------------- results */

static void name_services(struct finder *finder)
{
    finder->services = mem_alloc((finder->caches_len + 1) * sizeof *finder->services);
    finder->names = mem_alloc((finder->caches_len + 1) * sizeof *finder->names);
    for (size_t i = 0; i < finder->caches_len; i++) {
        size_t place = 0;
        while (place < finder->names_len &&
               strcmp(finder->names[place], finder->caches[i].service) != 0)
            place++;
        if (place == finder->names_len)
            finder->names[finder->names_len++] = mem_strdup(finder->caches[i].service);
        finder->services[i] = place;
    }
    finder->words = finder->names_len / 64 + 1;
}

static void put_in_words(const struct finder *finder, const uint64_t *set, struct owner *ret_owner)
{
    struct buf names = {0};
    size_t count = 0;
    if (is_empty(finder, set))
        return;
    for (size_t i = 0; i < finder->names_len; i++)
        if ((set[i / 64] >> (i % 64) & 1) != 0)
            buf_printf(&names, "%s%s", count++ > 0 ? ", " : "", finder->names[i]);
    if (count == 1)
        ret_owner->service = buf_take(&names);
    else
        ret_owner->several = buf_take(&names);
}

struct owners owners_find(const struct records *records, const struct owners_cache *caches,
                          size_t caches_len)
{
    struct finder finder = {.records = records, .caches = caches, .caches_len = caches_len};
    struct owner *items = mem_zalloc((records->len + 1) * sizeof *items);
    name_services(&finder);
    finder.sets = mem_zalloc((records->len + 1) * finder.words * sizeof *finder.sets);
    finder.guessed = mem_zalloc(records->len + 1);
    size_t len;
    struct claim *claims = gather_claims(&finder, &len);
    join_by_time(&finder, claims, len);
    join_by_digest(&finder, claims, len);
    pass_on_to_parents(&finder);
    guess_by_step(&finder);
    for (size_t i = 0; i < records->len; i++) {
        put_in_words(&finder, set_of(&finder, i), &items[i]);
        items[i].guess = finder.guessed[i];
    }
    free(claims);
    free(finder.services);
    free(finder.guessed);
    return (struct owners){items,       records->len, finder.names, finder.names_len,
                           finder.sets, finder.words};
}

bool owners_has(const struct owners *owners, size_t index, size_t service)
{
    return (owners->sets[index * owners->words + service / 64] >> (service % 64) & 1) != 0;
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
