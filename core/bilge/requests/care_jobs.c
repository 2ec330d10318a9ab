#include "core/bilge/requests/care_jobs.h"

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

/* Items of one source stand together, so its content is hashed once. */
void care_dedupe(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct dedupe_item *before = NULL;
    bool verified = false;
    for (size_t i = 0; i < care->plan.len && !atomic_load(&care->cancel); i++) {
        const struct dedupe_item *item = &care->plan.items[i];
        const struct place *from = &care->places[item->from], *to = &care->places[item->to];
        const struct dedupe_place from_place = {from->root->fd, from->name};
        const struct dedupe_place to_place = {to->root->fd, to->name};
        if (before == NULL || !digest_equal(&before->digest, &item->digest))
            verified = false;
        before = item;
        int code = root_check(to->root, &care->err);
        if (code == 0)
            code = dedupe_link(item, &from_place, &to_place, verified, care->across_users,
                               &care->cancel, &care->err);
        verified |= code == 0;
        care->codes[i] = code;
        atomic_fetch_add(&care->done_bytes, item->size_bytes);
    }
    care->code = atomic_load(&care->cancel) ? err_set(&care->err, ERR_CANCELLED, "stopped") : 0;
}
