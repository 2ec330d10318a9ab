#include "core/store/owners.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hashtable.h"
#include "core/base/mem.h"
#include "core/store/owners_private.h"

bool set_is_empty(const struct finder *finder, const uint64_t *set)
{
    for (size_t i = 0; i < finder->words; i++)
        if (set[i] != 0)
            return false;
    return true;
}

bool set_join(const struct finder *finder, uint64_t *set, const uint64_t *other)
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

size_t finder_service(const struct finder *finder, const char *name)
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
    HASH_ITER(hh, finder->numbers, number, next) {
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
