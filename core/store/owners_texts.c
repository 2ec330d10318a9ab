/* Owners by what the services' Dockerfiles say, and by the words of records that
 * are known. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/owners_private.h"

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
void owners_by_mounts(struct finder *finder)
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

void owners_by_texts(struct finder *finder)
{
    struct teller teller = teller_make(finder);
    uint64_t *told = mem_alloc(finder->words * sizeof *told);
    for (size_t i = 0; i < finder->records->len; i++)
        if (finder->keys[i].words != NULL)
            guess(finder, &teller, i, told);
    free(told);
    teller_done(&teller);
}
