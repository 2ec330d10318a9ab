#include "core/bilge/requests/care_jobs.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/keep.h"
#include "core/cache/remove_check.h"
#include "core/cache/restore.h"

#define SETTLE_MS 500

static struct remove_context context_of(struct care *care, const struct place *place)
{
    return (struct remove_context){
        .root_fd = place->root->fd,
        .root_path = place->root->path,
        .name = place->name,
        .dev = place->dev,
        .ino = place->ino,
        .own_sessions = care->own_sessions,
        .settle_ms = SETTLE_MS,
        .cancel = &care->cancel,
    };
}

static void count_verified(void *arg, int64_t checked_bytes, int64_t total_bytes)
{
    struct care *care = arg;
    atomic_store(&care->done_bytes, checked_bytes);
    atomic_store(&care->total_bytes, total_bytes);
}

void care_verify(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct place *place = &care->places[care->next];
    const struct verify_spec spec = {
        .root_fd = place->root->fd, .root_path = place->root->path, .name = place->name,
        .cancel = &care->cancel, .on_progress = count_verified, .arg = care,
    };
    care->code = verify_cache(&spec, &care->verified, &care->err);
    if (care->code == 0 && care->repair)
        care->code = root_check(place->root, &care->err);
    if (care->code == 0 && care->repair) {
        const struct remove_context context = context_of(care, place);
        care->code =
            repair_cache(&context, &care->verified, &care->act, &care->detail, &care->err);
    }
}

void care_restore(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct place *place = &care->places[0];
    const struct remove_context context = context_of(care, place);
    care->code = root_check(place->root, &care->err);
    if (care->code == 0)
        care->code = restore_generation(&context, &care->generation, NULL, &care->err);
}

/* Still the directory that the plan was made of, a cache, and at rest? */
static int check_place(struct care *care, const struct place *place)
{
    const struct remove_context context = context_of(care, place);
    struct fs_stat stat;
    int cache_fd, code = root_check(place->root, NULL);
    if (code == 0)
        code = fs_open_dir(place->root->fd, place->name, &cache_fd, NULL);
    if (code < 0)
        return code;
    code = fs_stat_fd(cache_fd, &stat, NULL);
    if (code == 0 && (stat.dev != place->dev || stat.ino != place->ino))
        code = ERR_CHANGED;
    if (code == 0)
        code = keep_check_cache(cache_fd, NULL);
    if (code == 0)
        code = remove_check_busy(&context, cache_fd, NULL);
    close(cache_fd);
    return code;
}

static int link_item(struct care *care, const struct dedupe_item *item, bool verified)
{
    const struct place *from = &care->places[item->from], *to = &care->places[item->to];
    const struct dedupe_place from_place = {from->root->fd, from->name};
    const struct dedupe_place to_place = {to->root->fd, to->name};
    return dedupe_link(item, &from_place, &to_place, verified, care->across_users, &care->cancel,
                       &care->err);
}

/* Items of one source stand together, so its content is hashed once; each place is
 * looked at once. */
void care_dedupe(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct dedupe_item *before = NULL;
    int *places = mem_alloc((care->places_len + 1) * sizeof *places);
    bool verified = false;
    for (size_t i = 0; i < care->places_len; i++)
        places[i] = check_place(care, &care->places[i]);
    for (size_t i = 0; i < care->plan.len && !atomic_load(&care->cancel); i++) {
        const struct dedupe_item *item = &care->plan.items[i];
        int code = places[item->from] < 0 ? places[item->from] : places[item->to];
        verified = verified && before->from_ino == item->from_ino && before->from == item->from &&
                   digest_equal(&before->digest, &item->digest);
        before = item;
        if (code == 0)
            code = link_item(care, item, verified);
        verified = verified || code == 0;
        care->codes[i] = code;
        atomic_fetch_add(&care->done_bytes, item->size_bytes);
    }
    free(places);
    care->code = atomic_load(&care->cancel) ? err_set(&care->err, ERR_CANCELLED, "stopped") : 0;
}
